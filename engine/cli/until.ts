import { InvalidArgumentError } from 'commander';
import type { Flag } from './verb.ts';

const UNIT_SECS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const DURATION = /^(?:\d+[smhdw])+$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/** Returns an option for a future time, in seconds since 1970: a date, or the time from now. */
export function until(flags: string, summary: string): Flag<number | null> {
  return { flags, summary, value: { read: given => readUntil(given, Date.now()), otherwise: null } };
}

/**
 * Reads `2h`, `1d12h`, `2026-12-24`, `2026-12-24 09:00` or `2026-12-24T09:00Z`. A date without a zone is in the
 * machine's zone. A date without a time means the beginning of that day.
 * @returns seconds since 1970
 */
export function readUntil(given: string, nowMs: number): number {
  const text = given.trim();
  const unix = DURATION.test(text) ? nowMs / 1000 + durationSecs(text) : dateUnix(text);
  if (!Number.isFinite(unix))
    throw new InvalidArgumentError(
      'It must be a date such as 2026-12-24T09:00, or a duration such as 3d or 2h30m.',
    );
  if (unix * 1000 <= nowMs) throw new InvalidArgumentError('It must be in the future.');
  return unix;
}

/** Returns an option for a past time, in seconds since 1970: a date, or how long ago. */
export function since(flags: string, summary: string): Flag<number | null> {
  return { flags, summary, value: { read: given => readSince(given, Date.now()), otherwise: null } };
}

/** Reads the same forms as `readUntil`; a duration counts back from now. @returns seconds since 1970 */
export function readSince(given: string, nowMs: number): number {
  const text = given.trim();
  const unix = DURATION.test(text) ? nowMs / 1000 - durationSecs(text) : dateUnix(text);
  if (!Number.isFinite(unix))
    throw new InvalidArgumentError(
      'It must be a date such as 2026-01-24T09:00, or a duration such as 24h or 7d.',
    );
  return unix;
}

function durationSecs(text: string): number {
  let secs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) secs += Number(count) * UNIT_SECS[unit!]!;
  return secs;
}

/**
 * Returns true for a day and a time of day that exist: JavaScript would read the 30th of February as the 2nd of March.
 */
function isOnCalendar([
  year = 0,
  month = 0,
  day = 0,
  hour = 0,
  minute = 0,
  second = 0,
]: readonly number[]): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isDay && hour < 24 && minute < 60 && second < 60;
}

function dateUnix(text: string): number {
  const parts = DATE.exec(text);
  if (parts === null || !isOnCalendar(parts.slice(1).map(part => Number(part ?? 0)))) return NaN;
  // JavaScript would read a date without a time of day as UTC.
  return new Date(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T')).getTime() / 1000;
}
