import * as v from 'valibot';
import { atLeast, nonEmpty } from '../record/values.ts';

export const MAX_SUBTASKS = 100_000;

/** A subtask: its index, its name, or a pattern of names in which `*` matches any characters. */
export const subtaskRef = v.union(
  [atLeast(0, MAX_SUBTASKS - 1), nonEmpty(256)],
  'must be an index, a name, or a pattern of names',
);

export type SubtaskRef = v.InferOutput<typeof subtaskRef>;

/** A shared empty list of subtasks. */
export const NONE: readonly number[] = [];
