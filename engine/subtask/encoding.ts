import { isSame, MEMBERS, USUAL, type CompleteSubtask } from './subtask.ts';

/**
 * Subtasks as a fan-out's record encodes them. Common values are written once and usual values are left out, so that a
 * fan-out of 100,000 subtasks fits into one record.
 */
export interface WrittenSubtasks {
  readonly defaults: Partial<CompleteSubtask>;
  readonly subtasks: readonly Partial<CompleteSubtask>[];
}

const FIELDS = MEMBERS.map(({ field }) => field);
const COMMON = MEMBERS.filter(({ common }) => common === true).map(({ field }) => field);

export function writeSubtasks(subtasks: readonly CompleteSubtask[]): WrittenSubtasks {
  const defaults = differences(COMMON, subtasks[0]!, USUAL);
  const common = Object.fromEntries(COMMON.map(field => [field, subtasks[0]![field]]));
  const usual = { ...USUAL, ...common };
  return { defaults, subtasks: subtasks.map(subtask => differences(FIELDS, subtask, usual)) };
}

/** Returns the members in which a subtask differs from the usual one, in the order of canonical text. */
function differences(
  fields: readonly (keyof CompleteSubtask)[],
  subtask: CompleteSubtask,
  usual: CompleteSubtask,
): Partial<CompleteSubtask> {
  const written: Partial<Record<keyof CompleteSubtask, unknown>> = {};
  for (const field of fields) if (!isSame(subtask[field], usual[field])) written[field] = subtask[field];
  return written as Partial<CompleteSubtask>;
}

/** Reads the output of `writeSubtasks`. Members unknown to this version are kept in memory and never written again. */
export function readSubtasks({ defaults, subtasks }: WrittenSubtasks): CompleteSubtask[] {
  const common = { ...USUAL, ...defaults };
  return subtasks.map(written => ({ ...common, ...written }));
}
