import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import type { Json } from '../../record/canonical.ts';
import type { Did } from '../../record/ids.ts';
import { seal, type SealedRecord } from '../../record/record.ts';
import { TOPIC, type ResultFields } from '../model/record-bodies.ts';
import type { DeliveryRef } from '../model/messages.ts';
import { environmentOf, threadOf, type Child, type FanOut } from '../model/state.ts';
import { isAgent } from '../model/subtask.ts';

/** The INTEND of one delivery: a function of the state alone, so that it can be made again for a worker that lost it. */
export function childIntent(
  coordinator: Did,
  fanOut: FanOut,
  child: Child,
  worker: Did,
  attempt: number,
  delivery: number,
): SealedRecord {
  const subtask = fanOut.subtasks[child.index]!;
  const body: { [key: string]: Json } = { attempt };
  if (subtask.budget_secs !== null) body['budget_secs'] = subtask.budget_secs;
  if (subtask.budget_tokens !== null) body['budget_tokens'] = subtask.budget_tokens;
  if (subtask.budget_usd !== null) body['budget_usd'] = subtask.budget_usd;
  const depends = isAgent(subtask.executor) ? dependenciesOf(fanOut, subtask.depends_on) : [];
  if (depends.length > 0) body['depends'] = depends;
  if (subtask.dir !== null) body['dir'] = subtask.dir;
  const lastWork = child.earlier?.at(-1)?.work;
  if (lastWork != null) body['earlier_branch'] = lastWork.branch;
  if (fanOut.env !== null || subtask.env !== null) body['env'] = { ...fanOut.env, ...subtask.env };
  const environment = environmentOf(fanOut, child);
  if (environment !== null) body['environment'] = environment;
  if (subtask.errexit) body['errexit'] = true;
  body['executor'] = subtask.executor;
  body['goal'] = subtask.goal;
  if (child.hint !== null) body['hint'] = child.hint;
  body['index'] = child.index;
  if (subtask.isolation === 'worktree') body['isolation'] = subtask.isolation;
  if (child.mayHaveRun) body['may_have_run'] = true;
  if (subtask.name !== null) body['name'] = subtask.name;
  if (fanOut.namespace !== ROOT_NAMESPACE) body['namespace'] = fanOut.namespace;
  body['parent_thread'] = fanOut.task.thread;
  if (subtask.run !== null) body['run'] = subtask.run;
  if (child.session !== null) body['session'] = child.session;
  body['task'] = fanOut.task.alias;
  if (subtask.timeout_secs !== null) body['timeout_secs'] = subtask.timeout_secs;
  body['topic'] = TOPIC.child;
  body['worker'] = worker;
  return seal({
    act: 'INTEND',
    actor: coordinator,
    body,
    clock: delivery,
    data_type: 'SCALAR',
    parents: [fanOut.id],
    thread: threadOf(fanOut, child.index),
  });
}

/** The most dependencies that an agent is told of, the last ones: a prompt has its bounds. */
const MAX_TOLD = 64;

/** Returns the results of accepted dependencies, for the subtasks that build on them. They no longer change. */
function dependenciesOf(fanOut: FanOut, indices: readonly number[]): Json[] {
  return indices.slice(-MAX_TOLD).map(index => {
    const { summary, work } = fanOut.children[index]!;
    const { name } = fanOut.subtasks[index]!;
    const told: { [key: string]: Json } = {};
    if (work !== null) told['branch'] = work.branch;
    told['index'] = index;
    if (name !== null) told['name'] = name;
    told['summary'] = summary;
    return told;
  });
}

/** The cost and time of a child that did not run, or whose run is unknown. */
export const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;

/** Returns the result of a child that is cancelled before it ran. */
export function cancelled(reason: string): ResultFields {
  return { ...nothingRan, verdict: 'cancelled', reason };
}

/** The present or last delivery of a child. */
export function refOf(fanOut: FanOut, child: Child): DeliveryRef {
  return { thread: fanOut.task.thread, index: child.index, delivery: child.deliveries - 1 };
}

/** A delivery that came back was no attempt: the next one bears the same number. */
export function nextAttempt(child: Child): number {
  const ended = child.earlier?.at(-1)?.attempt ?? 0;
  return ended >= child.attempt ? child.attempt + 1 : child.attempt;
}

/** Returns why a child ends that somebody, or its join, asked to end. */
export function endReason(fanOut: FanOut, child: Child): string {
  if (child.cancelRequested !== null) return child.cancelRequested;
  if (fanOut.task.cancelled !== null) return fanOut.task.cancelled.reason ?? 'cancelled by request';
  return fanOut.joined === null
    ? 'cancelled by request'
    : `the join was ${fanOut.joined.outcome} (losers: ${fanOut.losers})`;
}
