import { FleetError } from '../errors.ts';

interface FaultOptions {
  readonly position?: number | null;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Returns an INVALID_RECORD error that names the subtask. */
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

/** Returns the subtask's name, even from an otherwise invalid input. */
export function nameOf(input: unknown): string | null {
  const name = (input as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name.trim() !== '' ? name : null;
}

export function show(value: unknown): string {
  if (typeof value === 'string') return `'${shorten(value)}'`;
  if (typeof value === 'number') return String(value);
  return shorten(JSON.stringify(value) ?? typeof value);
}

/** Shortens any input to one line of limited length. */
export function shorten(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
