import type { ChildBody, ResultFields } from '../../engine/domain/model/record-bodies.ts';
import type { JsonObject } from '../../engine/record/canonical.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';

/** The name of the subtasks that have a result for a matrix. */
export const LISTING = 'list';

/** The randomly drawn course of one attempt. */
export interface DrawnAttempt {
  /** The duration, in ms; 0 for an immediate end, undefined for an attempt that runs until it is ended. */
  readonly durationMs: number | undefined;
  readonly result: ResultFields;
}

/** @param now the wall time, in ms since 1970 */
export function drawAttempt(random: Random, profile: Profile, body: ChildBody, now: number): DrawnAttempt {
  const drawn = drawOrdinary(random, profile, body);
  if (drawn.durationMs === undefined || !random.chance(profile.quotas)) return drawn;
  const quota = random.chance(0.5) ? {} : { resets_at_unix: (now + random.between(-2_000, 40_000)) / 1000 };
  return { ...drawn, result: { ...drawn.result, verdict: 'failed', reason: 'out of quota', quota } };
}

function drawOrdinary(random: Random, profile: Profile, body: ChildBody): DrawnAttempt {
  // A share of seconds works like a time-out, with another verdict.
  const shareMs = (body.budget_secs ?? Infinity) * 1000;
  const timeoutMs = Math.min((body.timeout_secs ?? Infinity) * 1000, shareMs);
  const durationMs = drawDuration(random, profile);
  const isLate = durationMs !== undefined && durationMs > timeoutMs;
  const verdict = isLate ? (timeoutMs === shareMs ? 'failed' : 'timeout') : drawVerdict(random, profile);
  const wallMs = Math.min(durationMs ?? 0, timeoutMs);
  return {
    durationMs: durationMs === undefined ? undefined : wallMs,
    result: {
      verdict,
      reason: verdict === 'accept' ? null : `it ended as ${verdict}`,
      exit_code: verdict === 'accept' ? 0 : verdict === 'failed' ? random.integer(1, 2) : null,
      signal: null,
      summary: '',
      ...(body.name === LISTING && { results: drawList(random) }),
      cost_usd: random.integer(0, 8) / 64,
      tokens: random.integer(0, 60),
      wall_time_secs: Math.round(wallMs) / 1000,
    },
  };
}

/** Draws a result that is mostly the values of a matrix. */
function drawList(random: Random): JsonObject {
  return random.weighted<() => JsonObject>([
    [8, () => ({ x: Array.from({ length: random.integer(1, 6) }, (_, i) => i) })],
    [1, () => ({ x: [] })],
    [1, () => ({})],
  ])();
}

function drawDuration(random: Random, profile: Profile): number | undefined {
  if (random.chance(profile.endless)) return undefined;
  return random.weighted<() => number>([
    [4, () => 0],
    [3, () => random.between(0.1, 40)],
    [4, () => random.magnitude(40, 4_000)],
    [1, () => random.magnitude(4_000, 25_000)],
  ])();
}

function drawVerdict(random: Random, profile: Profile): ResultFields['verdict'] {
  if (!random.chance(profile.failures)) return 'accept';
  return random.weighted([
    [6, 'failed'],
    [2, 'reject'],
    [1, 'timeout'],
  ]);
}
