import { canonical, type JsonObject } from '../../record/canonical.ts';
import { hash } from '../../record/hash.ts';
import { DELIVERED, isSame, USUAL } from '../../subtask/subtask.ts';
import type { ChildDoneBody, Reusable, UsedAttempt } from './record-bodies.ts';
import type { Child, FanOut, FleetState } from './state.ts';

/** The members of a subtask that its command does not depend on. Every other delivered member is part of its work. */
const IRRELEVANT: ReadonlySet<string> = new Set([
  'goal',
  'name',
  'budget_usd',
  'budget_tokens',
  'budget_secs',
  'timeout_secs',
]);
const RELEVANT = DELIVERED.filter(({ field }) => !IRRELEVANT.has(field));

/** The number of keys with reusable attempts. The ones that were not used for longest are forgotten. */
const MAX_KEYS = 10_000;
/** The number of reusable attempts of the same work, so that a change of branch and back is a reuse. */
export const MAX_CANDIDATES = 8;

/**
 * Returns the accepted attempts that a subtask may reuse, newest first; null for none. They had the same declaration;
 * the worker compares the digests of their files.
 */
export function reusableFor(state: FleetState, fanOut: FanOut, index: number): readonly Reusable[] | null {
  const key = fanOut.force === true || fanOut.serialOf !== null ? null : workKeyOf(fanOut, index);
  return key === null ? null : (state.reusable.get(key) ?? null);
}

/** Records an accepted attempt as reusable, or the use of the attempt that it reused. */
export function noteReusable(state: FleetState, fanOut: FanOut, child: Child, body: ChildDoneBody): void {
  const { inputs_digest: inputs, outputs_digest: outputs } = body;
  const key = workKeyOf(fanOut, child.index);
  if (key === null || inputs === undefined || outputs === undefined) return;
  const own = {
    ...(body.reused ?? nameOf(fanOut, child)),
    inputs_digest: inputs,
    outputs_digest: outputs,
  };
  const others = (state.reusable.get(key) ?? []).filter(
    each => each.inputs_digest !== inputs || each.outputs_digest !== outputs,
  );
  state.reusable.delete(key);
  state.reusable.set(key, [own, ...others].slice(0, MAX_CANDIDATES));
  if (state.reusable.size > MAX_KEYS) state.reusable.delete(state.reusable.keys().next().value!);
}

function nameOf({ task, subtasks }: FanOut, { index, attempt, results }: Child): UsedAttempt {
  const { name } = subtasks[index]!;
  return {
    thread: task.thread,
    task: task.alias,
    index,
    ...(name !== null && { name }),
    attempt,
    ...(results !== null && { results: true }),
  };
}

/** Returns the results of an attempt that was reused; null for none. */
export function reusedResults(state: FleetState, reused: UsedAttempt | undefined): JsonObject | null {
  if (reused?.results !== true) return null;
  return state.tasks.get(reused.thread)?.fanOut?.children[reused.index]?.results ?? null;
}

/**
 * Returns the digest of everything recorded that the result of a subtask's command depends on; null for a subtask
 * without inputs, and for one with a dependency whose outputs are unknown.
 */
function workKeyOf(fanOut: FanOut, index: number): string | null {
  const { subtasks, children, env, namespace } = fanOut;
  const subtask = subtasks[index]!;
  if (subtask.inputs === null) return null;
  const made = subtask.depends_on.filter(on => subtasks[on]!.outputs !== null);
  const outputs = made.map(on => children[on]!.outputsDigest);
  if (outputs.includes(null)) return null;
  const declared = RELEVANT.filter(({ field }) => !isSame(subtask[field], USUAL[field]));
  return hash(
    canonical({
      ...Object.fromEntries(declared.map(({ field }) => [field, subtask[field]])),
      env: { ...env, ...subtask.env },
      namespace,
      dependencies: { outputs, results: subtask.depends_on.map(on => children[on]!.results) },
    }),
  );
}
