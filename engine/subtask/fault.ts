import { FleetError } from '../errors.ts';

interface FaultOptions {
  readonly position?: number | null;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An INVALID_RECORD about a subtask, which it names. */
export function refuse(
  at: { readonly index: number; readonly input: unknown },
  key: string | null,
  what: string,
  options: FaultOptions = {},
): FleetError {
  const name = nameOf(at.input);
  const label = name === null ? `subtask ${at.index}` : `subtask ${at.index} (${shorten(name)})`;
  return new FleetError('INVALID_RECORD', `${label}: ${what}`, {
    details: { subtask: at.index, name, key, position: options.position ?? null, ...options.details },
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  });
}

/** The name that a subtask has or was to have, whatever else is wrong with it. */
export function nameOf(input: unknown): string | null {
  const name = (input as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name.trim() !== '' ? name : null;
}

export function show(value: unknown): string {
  if (typeof value === 'string') return `'${shorten(value)}'`;
  if (typeof value === 'number') return String(value);
  return shorten(JSON.stringify(value) ?? typeof value);
}

/** On one line and not overlong, whatever somebody sent. */
export function shorten(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
