import type { Json } from '../record/canonical.ts';
import type { Did } from '../record/ids.ts';
import { seal, type SealedRecord } from '../record/record.ts';
import { TOPIC, type ResultFields } from './bodies.ts';
import type { DeliveryRef } from './messages.ts';
import { ROOT_NAMESPACE } from './namespaces.ts';
import { threadOf, type Child, type FanOut } from './state.ts';

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
  if (subtask.budget_usd !== null) body['budget_usd'] = subtask.budget_usd;
  if (subtask.dir !== null) body['dir'] = subtask.dir;
  body['executor'] = subtask.executor;
  body['goal'] = subtask.goal;
  if (child.hint !== null) body['hint'] = child.hint;
  body['index'] = child.index;
  if (child.mayHaveRun) body['may_have_run'] = true;
  if (subtask.name !== null) body['name'] = subtask.name;
  if (fanOut.namespace !== ROOT_NAMESPACE) body['namespace'] = fanOut.namespace;
  body['parent_thread'] = fanOut.task.thread;
  if (subtask.run !== null) body['run'] = subtask.run;
  body['task'] = fanOut.task.alias;
  body['timeout_secs'] = subtask.timeout_secs;
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

/** What is said of a child that did not run, or whose run nobody can tell of. */
export const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;

/** How a child ends that is cancelled before it ran. */
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

/** Why a child ends that somebody, or its join, asked to end. */
export function endReason(fanOut: FanOut, child: Child): string {
  if (child.cancelRequested !== null) return child.cancelRequested;
  if (fanOut.task.cancelled !== null) return fanOut.task.cancelled.reason ?? 'cancelled by request';
  return fanOut.joined === null
    ? 'cancelled by request'
    : `the join was ${fanOut.joined.outcome} (losers: ${fanOut.losers})`;
}
