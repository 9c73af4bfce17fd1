import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import type { Json, JsonObject } from '../../record/canonical.ts';
import { childThreadId, type Did } from '../../record/ids.ts';
import { seal, type SealedRecord } from '../../record/record.ts';
import { TOPIC, type ResultFields, type Reusable } from '../model/record-bodies.ts';
import type { DeliveryRef } from '../model/messages.ts';
import { environmentOf, type Child, type FanOut } from '../model/state.ts';
import { isAgent } from '../model/subtask.ts';
import { resultName, resultRefsIn, resultText, type ResultRef } from '../../subtask/results.ts';
import { DELIVERED, isSame, USUAL, type CompleteSubtask } from '../../subtask/subtask.ts';

/**
 * Returns the INTEND of one delivery. It depends only on the state, so that it can be recreated for a worker that lost
 * it.
 */
export function childIntent(
  coordinator: Did,
  fanOut: FanOut,
  child: Child,
  worker: Did,
  attempt: number,
  delivery: number,
  reuse = child.reuse,
): SealedRecord {
  const subtask = fanOut.subtasks[child.index]!;
  const facts: DeliveryFacts = { fanOut, child, subtask, worker, attempt, reuse };
  const body: { [key: string]: Json } = {};
  for (const [name, valueOf] of BODY) {
    const value = valueOf(facts);
    if (value != null) body[name] = value;
  }
  return seal({
    act: 'INTEND',
    actor: coordinator,
    body,
    clock: delivery,
    data_type: 'SCALAR',
    parents: [fanOut.id],
    // Not kept: few children are asked for their thread again.
    thread: childThreadId(fanOut.id, child.index, subtask.goal),
  });
}

/** The facts that determine a delivery. */
interface DeliveryFacts {
  readonly fanOut: FanOut;
  readonly child: Child;
  readonly subtask: CompleteSubtask;
  readonly worker: Did;
  readonly attempt: number;
  readonly reuse: readonly Reusable[] | null;
}

/** Returns the value of a member; null or undefined leaves the member out. */
type ValueOf = (facts: DeliveryFacts) => unknown;

const ofSubtask = (field: keyof CompleteSubtask): ValueOf => {
  const usual = USUAL[field];
  return ({ subtask }) => (isSame(subtask[field], usual) ? null : subtask[field]);
};

/** The members of a delivery in the order of canonical text, so that it needs no sort. */
const BODY = Object.entries<ValueOf>({
  ...Object.fromEntries(DELIVERED.map(({ field }) => [field, ofSubtask(field)])),
  attempt: ({ attempt }) => attempt,
  depends: ({ fanOut, subtask }) =>
    isAgent(subtask.executor) && subtask.depends_on.length > 0
      ? dependenciesOf(fanOut, subtask.depends_on)
      : null,
  earlier_branch: ({ child }) => child.earlier?.at(-1)?.work?.branch,
  env: ({ fanOut, subtask }) =>
    fanOut.env === null && subtask.env === null ? null : { ...fanOut.env, ...subtask.env },
  environment: ({ fanOut, child }) => environmentOf(fanOut, child),
  hint: ({ child }) => child.hint,
  independent: ({ subtask, attempt }) =>
    subtask.inputs !== null && subtask.depends_on.length === 0 && attempt === 1 ? true : null,
  index: ({ child }) => child.index,
  may_have_run: ({ child }) => (child.mayHaveRun ? true : null),
  namespace: ({ fanOut: { namespace } }) => (namespace === ROOT_NAMESPACE ? null : namespace),
  parent_thread: ({ fanOut }) => fanOut.task.thread,
  results: ({ fanOut, subtask }) => resultsFor(fanOut, subtask),
  reuse: ({ reuse }) => reuse,
  session: ({ child }) => child.session,
  task: ({ fanOut }) => fanOut.task.alias,
  topic: () => TOPIC.child,
  worker: ({ worker }) => worker,
}).sort(([a], [b]) => (a < b ? -1 : 1)) as [string, (facts: DeliveryFacts) => Json | null | undefined][];

/**
 * The maximum number of dependencies in a delivery to an agent; the last ones are kept. It bounds the size of the
 * prompt.
 */
const MAX_TOLD = 64;

/** Returns the results of accepted dependencies for the subtasks that need them. These results no longer change. */
function dependenciesOf(fanOut: FanOut, indices: readonly number[]): Json[] {
  return indices.slice(-MAX_TOLD).map(index => {
    const { summary, work } = fanOut.children[index]!;
    const { name } = fanOut.subtasks[index]!;
    const dependency: { [key: string]: Json } = {};
    if (work !== null) dependency['branch'] = work.branch;
    dependency['index'] = index;
    if (name !== null) dependency['name'] = name;
    dependency['summary'] = summary;
    return dependency;
  });
}

/** Returns the results that a subtask's variables refer to; null for none. Its dependencies have ended. */
function resultsFor(fanOut: FanOut, subtask: CompleteSubtask): Json | null {
  const refs = resultRefsIn(subtask.env);
  if (refs.length === 0) return null;
  const found = refs.map(ref => [resultName(ref), resultText(resultsOf(fanOut, subtask, ref), ref.key)]);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as Json;
}

const resultsOf = (fanOut: FanOut, subtask: CompleteSubtask, ref: ResultRef): JsonObject | null =>
  dependencyNamed(fanOut, subtask, ref)?.results ?? null;

/** Returns the dependency of a subtask that a reference to a result names. */
export function dependencyNamed(
  fanOut: FanOut,
  { depends_on: on }: CompleteSubtask,
  ref: ResultRef,
): Child | undefined {
  const index = on.find(each => fanOut.subtasks[each]!.name === ref.subtask);
  return index === undefined ? undefined : fanOut.children[index];
}

/** Returns why a subtask lacks a result that its variables refer to; null if it lacks none. */
export function whyWithoutResult(fanOut: FanOut, { index }: Child): string | null {
  const subtask = fanOut.subtasks[index]!;
  const lacks = resultRefsIn(subtask.env).find(
    ref => resultText(resultsOf(fanOut, subtask, ref), ref.key) === undefined,
  );
  return lacks === undefined ? null : `'${lacks.subtask}' gave no result '${lacks.key}'`;
}

/** The cost and time of a child that did not run, or whose run is unknown. */
export const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;

/** Returns the result of a child that is cancelled before it runs. */
export function cancelled(reason: string): ResultFields {
  return { ...nothingRan, verdict: 'cancelled', reason };
}

/** Returns the reference of a child's present or last delivery. */
export function refOf(fanOut: FanOut, child: Child): DeliveryRef {
  return { thread: fanOut.task.thread, index: child.index, delivery: child.deliveries - 1 };
}

/** Returns the number of the next attempt. A returned delivery was no attempt, so its number is used again. */
export function nextAttempt(child: Child): number {
  const ended = child.earlier?.at(-1)?.attempt ?? 0;
  return ended >= child.attempt ? child.attempt + 1 : child.attempt;
}

/** Returns the reason why a child ends on request or because of its join. */
export function endReason(fanOut: FanOut, child: Child): string {
  if (child.cancelRequested !== null) return child.cancelRequested;
  if (fanOut.task.cancelled !== null) return fanOut.task.cancelled.reason ?? 'cancelled by request';
  return fanOut.joined === null
    ? 'cancelled by request'
    : `the join was ${fanOut.joined.outcome} (losers: ${fanOut.losers})`;
}
