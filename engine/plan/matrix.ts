import { variableOf, type Combination } from '../subtask/matrix.ts';
import { resultName, resultRefOf, type ResultRef } from '../subtask/results.ts';

/** Matches a placeholder: `${{ matrix.shard }}`, `${{ env.HOME }}`. */
const PLACEHOLDER = /\$\{\{([^}]*)\}\}/g;
const MATRIX_KEY = /^\s*matrix\.([A-Za-z_][A-Za-z0-9_-]*)\s*$/;
const PARAM = /^\s*params\.([A-Za-z_][A-Za-z0-9_-]*)\s*$/;
const VARIABLE = /^\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*$/;

/** A placeholder in a text. */
export interface Placeholder {
  /** Its place in the text. */
  readonly start: number;
  readonly end: number;
  /** The key of the matrix; null unless it is written as `${{ matrix.KEY }}`. */
  readonly key: string | null;
  /** The param of the plan; null unless it is written as `${{ params.NAME }}`. */
  readonly param: string | null;
  /** The result of a dependency; null unless it is written as `${{ subtasks.NAME.results.KEY }}`. */
  readonly result: ResultRef | null;
  /** The variable that is read when an attempt begins; null unless it is written as `${{ env.NAME }}`. */
  readonly variable: string | null;
}

/** Returns the placeholders of a text, in order. */
export function placeholders(text: string): readonly Placeholder[] {
  return Array.from(text.matchAll(PLACEHOLDER), match => ({
    start: match.index,
    end: match.index + match[0].length,
    key: MATRIX_KEY.exec(match[1]!)?.[1] ?? null,
    param: PARAM.exec(match[1]!)?.[1] ?? null,
    result: resultRefOf(match[1]!),
    variable: VARIABLE.exec(match[1]!)?.[1] ?? null,
  }));
}

/** The values of a plan's params, by name. A param without a value stays as it is written. */
export type ParamValues = ReadonlyMap<string, string>;
const NO_PARAMS: ParamValues = new Map();

/** Returns the text with its placeholders filled in. Placeholders without a value stay. */
export function filledIn(text: string, combination: Combination, params: ParamValues = NO_PARAMS): string {
  return replaced(text, placeholder => valueOf(placeholder, combination, params));
}

function valueOf(
  { key, param }: Placeholder,
  combination: Combination,
  params: ParamValues,
): string | undefined {
  if (key !== null) return combination.get(key);
  return param === null ? undefined : params.get(param);
}

/** Returns the variable that gives a command the value of a param. */
export const paramVariable = (name: string): string => `SPL_PARAM_${name.replaceAll('-', '_')}`;

/** Returns the variable that gives a command the value of each placeholder, as far as it has one. */
function variablesOf(text: string): ReadonlyMap<number, string> {
  const results = new Map<string, string>();
  const variables = placeholders(text).map(each => {
    const name = each.result === null ? variableIn(each) : resultVariable(each.result, results);
    return [each.start, name] as const;
  });
  return new Map(variables.filter((each): each is readonly [number, string] => each[1] !== null));
}

/** @param taken the variables of the other results of the command, by the names of the results */
function resultVariable(result: ResultRef, taken: Map<string, string>): string {
  const name = resultName(result);
  const known = taken.get(name);
  if (known !== undefined) return known;
  const first = `SPL_RESULT_${result.subtask}_${result.key}`.replace(/[^A-Za-z0-9_]/g, '_');
  const isTaken = [...taken.values()].includes(first);
  const variable = isTaken ? `${first}_${taken.size + 1}` : first;
  taken.set(name, variable);
  return variable;
}

function variableIn({ key, param, variable }: Placeholder): string | null {
  if (key !== null) return variableOf(key);
  return param === null ? variable : paramVariable(param);
}

/**
 * Replaces each placeholder of a command line with a quoted variable, so that no value becomes shell syntax. Each
 * placeholder must be at a place for a word, see `misplacedPlaceholders`.
 */
export function commandWithVariables(text: string): string {
  const variables = variablesOf(text);
  return replaced(text, ({ start }) => {
    const name = variables.get(start);
    return name === undefined ? undefined : `"$${name}"`;
  });
}

/**
 * Returns the variables of the matrix, the params and the results that a command line names, with their values. That of
 * a result is its placeholder, which the delivery fills in.
 */
export function variablesIn(
  text: string,
  combination: Combination,
  params: ParamValues = NO_PARAMS,
): Record<string, string> {
  const values: Record<string, string> = {};
  const variables = variablesOf(text);
  for (const placeholder of placeholders(text)) {
    const { result, start } = placeholder;
    const value =
      result === null ? valueOf(placeholder, combination, params) : `\${{ subtasks.${resultName(result)} }}`;
    if (value !== undefined) values[variables.get(start)!] = value;
  }
  return values;
}

function replaced(text: string, written: (placeholder: Placeholder) => string | undefined): string {
  let filled = '';
  let at = 0;
  for (const placeholder of placeholders(text)) {
    filled += text.slice(at, placeholder.start);
    filled += written(placeholder) ?? text.slice(placeholder.start, placeholder.end);
    at = placeholder.end;
  }
  return filled + text.slice(at);
}
