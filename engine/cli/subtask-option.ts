/** The help of `--subtask`. */
export const SUBTASK = 'its name, its index from 0, or a pattern of names such as test-*';

/** A subtask as it was named on the command line. */
export const labelOf = (subtask: string): string =>
  /^\d+$/.test(subtask) ? `subtask ${subtask}` : `'${subtask}'`;
