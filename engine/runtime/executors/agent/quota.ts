import { clockTimeIn } from './clock-time.ts';

/** Phrases of agents, and of the services behind them, for an exhausted quota. */
const QUOTA =
  /rate.?limit|usage limit|\bquota\b|too many requests|resource.?exhausted|hit your (?:[\w-]+ )?limit|(?:hour|daily|weekly|monthly|session) limit reached/i;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Detects a used-up rate limit or quota in the text of a failed agent. Includes the reset time if the text has one: in
 * seconds since 1970, as a date, as a duration from now, or as a time of day. The rules decide about waiting.
 * @param nowSecs in seconds since 1970
 * @returns null when the agent failed for another reason.
 */
export function quotaOf(words: string, nowSecs: number): { resetsAtUnix?: number } | null {
  if (!QUOTA.test(words)) return null;
  const wait = waitIn(words);
  const resetsAtUnix = momentIn(words) ?? (wait === undefined ? clockTimeIn(words, nowSecs) : nowSecs + wait);
  return resetsAtUnix === undefined ? {} : { resetsAtUnix };
}

/** `…|1735689600`, `resets_at: 1735689600`, `resets at 2026-01-01T00:00:00Z`. */
function momentIn(words: string): number | undefined {
  const seconds = /(?:\||resets?[_ ]?(?:at|in|time)?["']?\s*[:=]?\s*)(\d{10})(\d{3})?\b/i.exec(words)?.[1];
  if (seconds !== undefined) return Number(seconds);
  const date = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)/.exec(words)?.[0];
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** `try again in 1m30s`, `in 3 hours 12 minutes`, `retry-after: 30`, in seconds. */
function waitIn(words: string): number | undefined {
  const after = /retry.?after["']?\s*[:=]?\s*(\d+(?:\.\d+)?)/i.exec(words)?.[1];
  if (after !== undefined) return Number(after);
  const parts =
    /\b(?:again|resets?|retry) in\b((?:\s*\d+(?:\.\d+)?\s*(?:d|h|m|s)[a-z]*\b,?|\s*\d+(?:\.\d+)?[dhms](?=\d)| and)+)/i.exec(
      words,
    )?.[1];
  if (parts === undefined) return undefined;
  let secs = 0;
  for (const [, number = '', unit = ''] of parts.matchAll(/(\d+(?:\.\d+)?)\s*([dhms])/gi))
    secs += Number(number) * UNITS[unit.toLowerCase()]!;
  return secs;
}
