import * as v from 'valibot';
import type { JsonObject } from '../record/canonical.ts';
import { notAList } from '../record/not-a-list.ts';

/** A reference to a result of a dependency, written `${{ subtasks.NAME.results.KEY }}`. */
export interface ResultRef {
  /** The name of the subtask. */
  readonly subtask: string;
  readonly key: string;
}

const KEY = '[A-Za-z_][A-Za-z0-9_-]{0,127}';
const INSIDE = new RegExp(`^\\s*subtasks\\.(.+)\\.results\\.(${KEY})\\s*$`);
const REFERENCE = /\$\{\{(\s*subtasks\.[^}]*)\}\}/g;
const RESULT_KEY = new RegExp(`^${KEY}$`);

/** The maximum length of results as JSON, in UTF-16 code units. The file that they come from is shorter. */
const MAX_RESULTS_CHARS = 256 * 1024;

/** The results of an attempt, as its report has them. */
export const resultsSchema = v.pipe(
  notAList(
    v.record(
      v.pipe(v.string(), v.regex(RESULT_KEY, 'must be a name: letters, digits, _ and -')),
      v.unknown(),
      'must be a JSON object',
    ),
    'must be a JSON object',
  ),
  v.check(value => JSON.stringify(value).length <= MAX_RESULTS_CHARS, 'are too long'),
);

/** Reads the text between the braces of a placeholder; null for another one. */
export function resultRefOf(inside: string): ResultRef | null {
  const [, subtask, key] = INSIDE.exec(inside) ?? [];
  return subtask === undefined || key === undefined ? null : { subtask, key };
}

/** Returns a name for a reference, as deliveries have it. */
export const resultName = ({ subtask, key }: ResultRef): string => `${subtask}.results.${key}`;

const NONE: readonly ResultRef[] = [];

/** Returns the references in the values of variables, each once. */
export function resultRefsIn(env: Readonly<Record<string, string>> | null): readonly ResultRef[] {
  if (env === null) return NONE;
  const found = new Map<string, ResultRef>();
  for (const name in env)
    if (!isLiteral(name) && env[name]!.includes('${{'))
      for (const [, inside] of env[name]!.matchAll(REFERENCE)) {
        const ref = resultRefOf(inside!);
        if (ref !== null) found.set(resultName(ref), ref);
      }
  return [...found.values()];
}

/** Returns true for a variable whose value is never a template: a value of a matrix or a param, or an item of a list. */
export const isLiteral = (name: string): boolean =>
  name === 'SPL_ITEM' || /^SPL_(?:MATRIX|PARAM)_/.test(name);

/** Returns a result as the value of a variable; undefined if the results have no such key. */
export function resultText(results: JsonObject | null, key: string): string | undefined {
  if (results === null || !Object.hasOwn(results, key)) return undefined;
  const value = results[key];
  return typeof value === 'string' ? value : JSON.stringify(value);
}
