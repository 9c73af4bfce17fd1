import { printable } from '../contract/format.ts';

/** The help of `--subtask`. */
export const SUBTASK = 'its name, its index from 0, or a pattern of names such as test-*';

/** A subtask as it is called. */
export interface Named {
  readonly index: number;
  readonly name: string | null;
}

/** A subtask that was named on the command line: by its name where it has one that is known. */
export function labelOf(subtask: string, known: readonly Named[] = []): string {
  if (!/^\d+$/.test(subtask)) return `'${subtask}'`;
  const name = known.find(({ index }) => index === Number(subtask))?.name ?? null;
  return name === null ? `subtask ${subtask}` : `'${printable(name)}'`;
}
