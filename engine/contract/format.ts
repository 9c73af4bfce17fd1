import type { InstanceDocument } from './documents.ts';

/** Formats of numbers, times and tables, shared by all commands. */

/**
 * Formats seconds as a bare number: `1`, `0.25`, `12.3`, `340`. It has about three digits, without trailing zeros.
 * @param secs 0 or more
 */
export function seconds(secs: number): string {
  if (secs >= 99.95) return String(Math.round(secs));
  if (secs >= 0.95) return String(Number(secs.toFixed(1)));
  if (secs >= 0.095) return String(Number(secs.toFixed(2)));
  return String(Number(secs.toFixed(3)));
}

/** Formats a span of time: `1s`, `0.25s`, `2m 05s`, `1h 02m`, `3d 04h`. */
export function duration(secs: number): string {
  if (secs < 59.95) return `${seconds(secs)}s`;
  const whole = Math.round(secs);
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h ${two(Math.floor((whole % 3_600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d ${two(Math.floor((whole % 86_400) / 3_600))}h`;
}

/** Formats the cost of one child: `$0.00`, or `unknown` where its tool did not report it. */
export const childCost = (usd: number, isUnknown = false): string =>
  isUnknown ? 'unknown' : `$${usd.toFixed(2)}`;

/** Formats the time that an attempt took; unknown for an attempt that was lost with its worker. */
export const attemptTime = ({
  wall_time_secs: secs,
  lost = false,
}: {
  readonly wall_time_secs: number;
  readonly lost?: boolean | undefined;
}): string => (lost && secs === 0 ? 'time unknown' : duration(secs));

/**
 * Formats the cost of a whole fan-out: `$0.0000`; `unknown`, or `at least $0.0000`, where tools did not report the cost
 * of some attempts.
 * @param unknown the number of attempts without a known cost
 */
export function totalCost(usd: number, unknown = 0): string {
  if (unknown > 0 && usd === 0) return 'unknown';
  return `${unknown > 0 ? 'at least ' : ''}$${usd.toFixed(4)}`;
}

/** The currencies of a budget, in display order. */
export const CURRENCIES = ['usd', 'tokens', 'secs'] as const;
export type Currency = (typeof CURRENCIES)[number];

/** Formats an amount of a budget: `$0.30`, `1200 tokens`, `12.5s`; to a millionth where it is not round. */
export function budgetAmount(currency: Currency, amount: number): string {
  const number = Number(amount.toFixed(6));
  if (currency === 'tokens') return `${number} tokens`;
  if (currency === 'secs') return `${number}s`;
  return `$${Number(number.toFixed(2)) === number ? number.toFixed(2) : number}`;
}

/** Formats a ratio: `2.00×`; a dash without data. */
export const times = (ratio: number | null): string => (ratio === null ? '–' : `${ratio.toFixed(2)}×`);

export const percent = (share: number | null): string =>
  share === null ? '–' : `${Math.round(share * 100)}%`;

/** Formats a point in time, in UTC to the second: `2025-01-31 08:15:00Z`. */
export function moment(unixSecs: number): string {
  return `${new Date(unixSecs * 1000).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** Formats a number of bytes, in B or MB. */
export const size = (bytes: number): string =>
  bytes < 10_000 ? `${bytes} B` : `${(bytes / 1e6).toFixed(2)} MB`;

/** `1 subtask`, `2 subtasks`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/**
 * Returns the word that names a subtask on a command line: its name, unless a shell or the command would interpret it.
 */
export const subtaskWord = ({
  name,
  index,
}: {
  readonly name: string | null;
  readonly index: number;
}): string => (name !== null && /^[A-Za-z_][\w./-]*$/.test(name) ? name : String(index));

/**
 * Formats the load of a worker, its slots, and the deliveries beyond them: `2/2 (+3)`; a dash for a coordinator, which
 * runs none.
 */
export function loadText({ role, active_dispatches: active, slots }: InstanceDocument): string {
  if (role === 'coordinator') return '–';
  return `${Math.min(active, slots)}/${slots}${active > slots ? ` (+${active - slots})` : ''}`;
}

/** Returns the port of an endpoint, as `:9100`; a dash without one. */
export function portOf(endpoint: string | null): string {
  const port = endpoint === null ? undefined : /:(\d+)\/?$/.exec(endpoint)?.[1];
  return port === undefined ? '–' : `:${port}`;
}

/** Returns the first line of a text, at most `max` characters; `…` marks an omission. */
export function oneLine(text: string, max: number): string {
  const line = printable(text.trim().split('\n', 1)[0] ?? '');
  const cut = line.length > max || text.trim().includes('\n');
  return cut ? `${line.slice(0, Math.max(0, max - 1)).trimEnd()}…` : line;
}

/**
 * Characters that move the cursor, change the terminal, break the line, or change the direction of the following text.
 */
const STEERING = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Returns JSON that is safe to print. Escapes also the controls U+007F to U+009F, which JSON allows unescaped. */
export function terminalJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f]/g,
    sign => `\\u00${sign.charCodeAt(0).toString(16)}`,
  );
}

/** Returns the text on one line, without terminal control characters. */
export function printable(text: string): string {
  return text.replace(STEERING, ' ');
}

/** Returns the line with terminal control characters escaped: `\u001b`. Tabs are kept. */
export function escaped(line: string): string {
  const written = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return line.replace(STEERING, sign => (sign === '\t' ? sign : written(sign)));
}

/** Aligns columns on the left, with two spaces between them and no padding after the last. Makes cells printable. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [header, ...rows].map(row => row.map(printable));
  const widths = header.map((_, column) => Math.max(...all.map(row => (row[column] ?? '').length)));
  return all.map(row =>
    row
      .map((cell, column) => (column === header.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Returns `label: value` lines with aligned, printable values; leaves out those whose value is null. */
export function fields(
  pairs: readonly (readonly [label: string, value: string | null])[],
): readonly string[] {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const width = Math.max(0, ...shown.map(([label]) => label.length)) + 1;
  return shown.map(([label, value]) => `  ${`${label}:`.padEnd(width)}  ${printable(value)}`);
}

const two = (value: number): string => String(value).padStart(2, '0');
