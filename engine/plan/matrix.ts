/** One way to fill a subtask's placeholders in: a value for each key of its matrix, as it was written. */
export type Combination = ReadonlyMap<string, string>;

/** How a placeholder is written: `${{ matrix.shard }}`. */
const PLACEHOLDER = /\$\{\{([^}]*)\}\}/g;
const MATRIX_KEY = /^\s*matrix\.([A-Za-z_][A-Za-z0-9_-]*)\s*$/;
export const MATRIX_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** A part of a text that a matrix fills in. */
export interface Placeholder {
  /** Where it stands in the text. */
  readonly start: number;
  readonly end: number;
  /** The key of the matrix, or null when it is not written `${{ matrix.KEY }}`. */
  readonly key: string | null;
}

/** The placeholders of a text, in order. */
export function placeholders(text: string): readonly Placeholder[] {
  return Array.from(text.matchAll(PLACEHOLDER), match => ({
    start: match.index,
    end: match.index + match[0].length,
    key: MATRIX_KEY.exec(match[1]!)?.[1] ?? null,
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
  return replaced(text, combination, value => value);
}

/** What a shell takes for itself wherever it stands, quotes or none. */
const PLAIN = /^[A-Za-z0-9_./:@%+,][A-Za-z0-9_./:@%+,-]*$/;

/** Whether a value means itself in a command line, in whatever quotes it stands. */
export const isPlainWord = (value: string): boolean => PLAIN.test(value);

/**
 * The command line with its placeholders filled in, each value within one word of the shell: it can’t become a command
 * or a second word. Those that stand inside of quotes must be plain, see `quotedPlaceholders`.
 */
export function filledCommand(text: string, combination: Combination): string {
  return replaced(text, combination, value =>
    isPlainWord(value) ? value : `'${value.replaceAll("'", "'\\''")}'`,
  );
}

function replaced(text: string, combination: Combination, written: (value: string) => string): string {
  return text.replace(PLACEHOLDER, (whole, inner: string) => {
    const value = combination.get(MATRIX_KEY.exec(inner)?.[1] ?? '');
    return value === undefined ? whole : written(value);
  });
}

/**
 * The placeholders of a command line that do not stand as bare words: inside of quotes, of a backquoted or `$(…)`
 * command, behind a `#` or a `<<`, where quotes around a value would mean something else. Rather one too many.
 */
export function quotedPlaceholders(command: string): readonly Placeholder[] {
  const bare = bareRanges(command);
  return placeholders(command).filter(
    ({ start, end }) => !bare.some(range => range.start <= start && end <= range.end),
  );
}

/** The stretches of a command line in which the shell is in no quotes. */
function bareRanges(command: string): readonly { readonly start: number; readonly end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  let at = 0;
  const close = (end: number): void => void (end > start && ranges.push({ start, end }));
  while (at < command.length) {
    const rest = command.slice(at, at + 3);
    if (rest === '${{') {
      at = Math.max(at + 3, command.indexOf('}}', at) + 2);
    } else if (rest.startsWith('\\')) {
      at += 2;
    } else if (rest.startsWith("'") || rest.startsWith('"')) {
      close(at);
      at = start = quoteEnd(command, at);
    } else if (
      /^(`|\$\(|\$\{|<<)/.test(rest) ||
      (rest.startsWith('#') && /(^|[\s;&|(])$/.test(command.slice(0, at)))
    ) {
      // What comes after is not looked into: it may be anything.
      close(at);
      return ranges;
    } else {
      at += 1;
    }
  }
  close(command.length);
  return ranges;
}

/** Behind the quote that closes the one at `at`; the end of the text where none does. */
function quoteEnd(command: string, at: number): number {
  const quote = command[at]!;
  for (let i = at + 1; i < command.length; i++) {
    if (quote === '"' && command[i] === '\\') i += 1;
    else if (command[i] === quote) return i + 1;
  }
  return command.length;
}
