/** One way to fill a subtask's placeholders in: a value for each key of its matrix, as it was written. */
export type Combination = ReadonlyMap<string, string>;

/** Matches a placeholder: `${{ matrix.shard }}`, `${{ env.HOME }}`. */
const PLACEHOLDER = /\$\{\{([^}]*)\}\}/g;
const MATRIX_KEY = /^\s*matrix\.([A-Za-z_][A-Za-z0-9_-]*)\s*$/;
const VARIABLE = /^\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*$/;
export const MATRIX_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** A placeholder in a text. */
export interface Placeholder {
  /** Its place in the text. */
  readonly start: number;
  readonly end: number;
  /** The key of the matrix, or null when it is not written `${{ matrix.KEY }}`. */
  readonly key: string | null;
  /** The variable that is read when an attempt begins, or null when it is not written `${{ env.NAME }}`. */
  readonly variable: string | null;
}

/** The placeholders of a text, in order. */
export function placeholders(text: string): readonly Placeholder[] {
  return Array.from(text.matchAll(PLACEHOLDER), match => ({
    start: match.index,
    end: match.index + match[0].length,
    key: MATRIX_KEY.exec(match[1]!)?.[1] ?? null,
    variable: VARIABLE.exec(match[1]!)?.[1] ?? null,
  }));
}

/** All combinations of a matrix's values, the last key changing fastest. A matrix without keys has one. */
export function combinations(matrix: ReadonlyMap<string, readonly string[]>): readonly Combination[] {
  let all: ReadonlyMap<string, string>[] = [new Map()];
  for (const [key, values] of matrix) {
    all = all.flatMap(combination => values.map(value => new Map([...combination, [key, value]])));
  }
  return all;
}

/** The text with its placeholders filled in. Those that the matrix has no key for stay. */
export function filledIn(text: string, combination: Combination): string {
  return replaced(text, ({ key }) => (key === null ? undefined : combination.get(key)));
}

/** The variable in which a command finds the value of a matrix's key. Keys that differ in `-` and `_` alone share one. */
export const variableOf = (key: string): string => `SPL_MATRIX_${key.replaceAll('-', '_')}`;

/**
 * Replaces each placeholder of a command line with a quoted variable, so no value becomes part of the line. Each placeholder
 * must be where a word can be, see `misplacedPlaceholders`.
 */
export function commandWithVariables(text: string): string {
  return replaced(text, ({ key, variable }) => {
    const name = key === null ? variable : variableOf(key);
    return name === null ? undefined : `"$${name}"`;
  });
}

/** The variables of a matrix that a command line names, with their values. */
export function variablesIn(text: string, combination: Combination): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { key } of placeholders(text)) {
    const value = key === null ? undefined : combination.get(key);
    if (key !== null && value !== undefined) values[variableOf(key)] = value;
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
