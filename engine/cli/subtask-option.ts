import { printable } from '../contract/format.ts';

/** The help text of `--subtask`. */
export const SUBTASK = 'Subtask by name, by index from 0, or by a pattern of names such as test-*';

/** The index and name of a subtask. */
export interface Named {
  readonly index: number;
  readonly name: string | null;
}

/** The label of a subtask that the command line names: its name if it is known, otherwise its index. */
export function labelOf(subtask: string, known: readonly Named[] = []): string {
  if (!/^\d+$/.test(subtask)) return `'${subtask}'`;
  const name = known.find(({ index }) => index === Number(subtask))?.name ?? null;
  return name === null ? `subtask ${subtask}` : `'${printable(name)}'`;
}
