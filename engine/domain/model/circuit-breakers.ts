import { moment } from '../../contract/format.ts';
import type { ChildDoneBody } from './record-bodies.ts';

/** The breaker of an executor that is out of quota: nothing starts on it until a time, and then one attempt first. */
export interface Breaker {
  /** The time at which quota is expected again, in ms. */
  until: number;
  /** True when the tool named no time, so that `until` is the engine's guess. */
  isGuess: boolean;
  /** The number of consecutive attempts that found no quota. */
  failures: number;
  /** The key of the delivery that tests for quota; null while none is out. */
  probe: string | null;
}

/** By the name of the executor. */
export type Breakers = Map<string, Breaker>;

/** The first and the longest back-off where the tool names no reset time. */
const FIRST_BACKOFF_MS = 30_000;
const LONGEST_BACKOFF_MS = 15 * 60_000;
/** A reset time further away than the longest quota period is ignored. */
const FURTHEST_RESET_MS = 8 * 24 * 3_600_000;

/** Returns true when an attempt ended because its executor is out of quota, which says nothing about the subtask. */
export function isOutOfQuota({ quota, verdict }: Pick<ChildDoneBody, 'quota' | 'verdict'>): boolean {
  return quota !== undefined && verdict === 'failed';
}

/** Returns true when something may start on this executor now. */
export function allowsStart(breakers: Breakers, executor: string, now: number): boolean {
  const breaker = breakers.get(executor);
  return breaker === undefined || (breaker.probe === null && breaker.until <= now);
}

/** Records that a delivery is out. */
export function noteStart(breakers: Breakers, executor: string, key: string): void {
  const breaker = breakers.get(executor);
  if (breaker !== undefined) breaker.probe ??= key;
}

/** Records that a delivery came back or ended unseen: another one must test for quota. */
export function releaseProbe(breakers: Breakers, executor: string, key: string): void {
  const breaker = breakers.get(executor);
  if (breaker?.probe === key) breaker.probe = null;
}

/** Records the end of a delivery as its worker reported it. It shows whether there is quota. */
export function noteEnd(
  breakers: Breakers,
  executor: string,
  key: string,
  body: ChildDoneBody,
  at: number,
): void {
  const breaker = breakers.get(executor);
  const isProbe = breaker?.probe === key;
  if (isOutOfQuota(body)) {
    const reset = resetOf(body, at);
    // An attempt that started before the breaker opened adds no information except its reset time.
    if (breaker !== undefined && !isProbe) learnReset(breaker, reset);
    else open(breakers, executor, (breaker?.failures ?? 0) + 1, reset, at);
  } else if (isProbe) {
    if (body.verdict === 'cancelled' || body.lost === true) breaker.probe = null;
    else breakers.delete(executor);
  }
}

/** Updates the reset time. A time named by the tool replaces a guess; of two named times the later one counts. */
function learnReset(breaker: Breaker, reset: number | null): void {
  if (reset === null) return;
  breaker.until = breaker.isGuess ? reset : Math.max(breaker.until, reset);
  breaker.isGuess = false;
}

/** Explains why nothing starts on an executor now. */
export function describeQuota(breakers: Breakers, executor: string): string {
  const breaker = breakers.get(executor)!;
  if (breaker.probe === null && breaker.isGuess)
    return `executor '${executor}' is out of quota, with no known reset time; next try at ${moment(breaker.until / 1000)}`;
  return breaker.probe === null
    ? `executor '${executor}' is out of quota until ${moment(breaker.until / 1000)}; waiting`
    : `executor '${executor}' was out of quota; waiting for one trial attempt`;
}

function open(
  breakers: Breakers,
  executor: string,
  failures: number,
  reset: number | null,
  at: number,
): void {
  const backoffMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1));
  breakers.set(executor, { until: reset ?? at + backoffMs, isGuess: reset === null, failures, probe: null });
}

/** Returns the time at which the tool promises quota again, in ms; null without a usable time. */
function resetOf({ quota }: ChildDoneBody, at: number): number | null {
  const reset = (quota?.resets_at_unix ?? 0) * 1000;
  return reset > at && reset <= at + FURTHEST_RESET_MS ? reset : null;
}
