import * as v from 'valibot';
import { notAList } from '../record/not-a-list.ts';
import { resultRefOf, type ResultRef } from './results.ts';

/** One combination of a matrix: a value for each key. */
export type Combination = ReadonlyMap<string, string>;

/** The values of each key of a matrix, in the order of the keys. */
export type MatrixValues = readonly (readonly [key: string, values: readonly string[]])[];

/** The maximum number of subtasks that one matrix makes of results. */
export const MAX_EXPANDED = 10_000;
/** The maximum number of subtasks of a fan-out whose matrix has results as values. */
export const MAX_MATRICES = 100;

export const MATRIX_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;
// One expression with all of a reference, because JSON Schema has one for a text.
const WHOLE_REFERENCE =
  /^\s*\$\{\{(\s*subtasks\.[^}\n\r\u2028\u2029]+\.results\.[A-Za-z_][A-Za-z0-9_-]{0,127}\s*)\}\}\s*$/;
/** Matches a placeholder of a matrix. */
export const MATRIX_PLACEHOLDER = /\$\{\{\s*matrix\.([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}/g;

/** Reads a text that is one reference to a result and nothing else; null for any other text. */
export function wholeResultRef(text: string): ResultRef | null {
  const inside = WHOLE_REFERENCE.exec(text)?.[1];
  return inside === undefined ? null : resultRefOf(inside);
}

/** Returns the matrix that `matrix: ${{ subtasks.NAME.results.KEY }}` is short for: KEY has the values of the result. */
export function matrixOf(text: string): Readonly<Record<string, string>> | null {
  const ref = wholeResultRef(text);
  return ref === null ? null : { [ref.key]: text.trim() };
}

const AXES = 'must have a result for each key: {"KEY": "${{ subtasks.NAME.results.KEY }}"}';

/** The keys of a matrix whose values are results of dependencies, each with its reference. */
export const matrixSchema = v.pipe(
  notAList(
    v.record(
      v.pipe(v.string(), v.regex(MATRIX_NAME, 'must be a key: letters, digits, _ and -')),
      v.pipe(v.string(AXES), v.regex(WHOLE_REFERENCE, AXES)),
      AXES,
    ),
    AXES,
  ),
  v.minEntries(1, AXES),
);

/**
 * Returns all combinations of a matrix's values. The last key changes fastest. A matrix without keys has one
 * combination.
 */
export function combinations(
  matrix: Iterable<readonly [key: string, values: readonly string[]]>,
): readonly Combination[] {
  let all: ReadonlyMap<string, string>[] = [new Map()];
  for (const [key, values] of matrix) {
    all = all.flatMap(combination => values.map(value => new Map([...combination, [key, value]])));
  }
  return all;
}

/**
 * Returns the variable that gives a command the value of a matrix key. Keys that differ only in `-` and `_` share one.
 */
export function variableOf(key: string): string {
  return `SPL_MATRIX_${key.replaceAll('-', '_')}`;
}

/** Returns the keys of the matrix that a text has placeholders of. */
export function matrixKeysIn(text: string): readonly string[] {
  return Array.from(text.matchAll(MATRIX_PLACEHOLDER), match => match[1]!);
}
