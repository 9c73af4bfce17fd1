import { moment } from '../../contract/format.ts';
import type { ChildDoneBody } from './record-bodies.ts';

/** An executor that is out of quota: nothing is started on it until its time, and then one attempt ahead of the rest. */
export interface Breaker {
  /** The time at which there is quota again, as far as is known, in ms. */
  until: number;
  /** True when `until` is a time to try again, since the tool named none. */
  isGuess: boolean;
  /** The number of times in a row that it was found without quota. */
  failures: number;
  /** The key of the delivery that went ahead to see whether there is quota again; null while none is out. */
  probe: string | null;
}

/** By the executor's name. */
export type Breakers = Map<string, Breaker>;

/** The first back-off where the tool names no time, and the longest. */
const FIRST_BACKOFF_MS = 30_000;
const LONGEST_BACKOFF_MS = 15 * 60_000;
/** A time that is further away than the longest period of a quota is taken for none. */
const FURTHEST_RESET_MS = 8 * 24 * 3_600_000;

/** Tells whether an attempt ended because its executor is out of quota, which says nothing about the subtask. */
export function isForQuota({ quota, verdict }: Pick<ChildDoneBody, 'quota' | 'verdict'>): boolean {
  return quota !== undefined && verdict === 'failed';
}

/** Tells whether something may start on this executor now. */
export function letsStart(breakers: Breakers, executor: string, now: number): boolean {
  const breaker = breakers.get(executor);
  return breaker === undefined || (breaker.probe === null && breaker.until <= now);
}

/** A delivery is out. */
export function noteStart(breakers: Breakers, executor: string, key: string): void {
  const breaker = breakers.get(executor);
  if (breaker !== undefined) breaker.probe ??= key;
}

/** A delivery came back, or nobody knows how it ended: another one has to go ahead. */
export function noteUnseen(breakers: Breakers, executor: string, key: string): void {
  const breaker = breakers.get(executor);
  if (breaker?.probe === key) breaker.probe = null;
}

/** A worker told how a delivery ended: for want of quota, or with the news that there is some again. */
export function noteEnd(
  breakers: Breakers,
  executor: string,
  key: string,
  body: ChildDoneBody,
  at: number,
): void {
  const breaker = breakers.get(executor);
  const isProbe = breaker?.probe === key;
  if (isForQuota(body)) {
    const reset = resetOf(body, at);
    // What ran since before says no more than when.
    if (breaker !== undefined && !isProbe) learnReset(breaker, reset);
    else open(breakers, executor, (breaker?.failures ?? 0) + 1, reset, at);
  } else if (isProbe) {
    if (body.verdict === 'cancelled' || body.lost === true) breaker.probe = null;
    else breakers.delete(executor);
  }
}

/** A time that a tool names counts more than a guess, and the later of two that are named. */
function learnReset(breaker: Breaker, reset: number | null): void {
  if (reset === null) return;
  breaker.until = breaker.isGuess ? reset : Math.max(breaker.until, reset);
  breaker.isGuess = false;
}

/** The words for an executor on which nothing is started now. */
export function quotaWords(breakers: Breakers, executor: string): string {
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

/** Returns the time at which the tool promises quota again, in ms; null where it names none that can be waited for. */
function resetOf({ quota }: ChildDoneBody, at: number): number | null {
  const reset = (quota?.resets_at_unix ?? 0) * 1000;
  return reset > at && reset <= at + FURTHEST_RESET_MS ? reset : null;
}
