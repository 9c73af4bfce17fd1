/** A range of the text, in UTF-16 code units from 0, without its end. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The kind of a plan's fault, in a word that programs can match. */
export type DiagnosticCode =
  | 'yaml'
  | 'too-large'
  | 'unknown-key'
  | 'missing-key'
  | 'invalid-value'
  | 'unused'
  | 'matrix'
  | 'duplicate-name'
  | 'unknown-dependency'
  | 'cycle'
  | 'budget'
  | 'join'
  | 'namespace'
  | 'policy'
  | 'not-installed'
  | 'subtask';

/** A change of the text that fixes a diagnostic. */
export interface Fix {
  readonly title: string;
  readonly range: Range;
  readonly text: string;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** A plan with an error is not run; one with warnings is. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly range: Range;
  readonly fixes: readonly Fix[];
}

/** Enough for people to begin with: one mistake in a large matrix may be met ten thousand times. */
const MAX_DIAGNOSTICS = 200;

/** Collects the diagnostics of a text, in the order in which they are found. */
export class Diagnostics {
  readonly #all: Diagnostic[] = [];

  get all(): readonly Diagnostic[] {
    return this.#all;
  }

  /** No more are kept: looking for further ones, and for what they could have meant, is of no use. */
  get isFull(): boolean {
    return this.#all.length >= MAX_DIAGNOSTICS;
  }

  get hasErrors(): boolean {
    return this.#all.some(({ severity }) => severity === 'error');
  }

  error(code: DiagnosticCode, message: string, range: Range, fixes: readonly Fix[] = []): void {
    this.#add({ code, severity: 'error', message, range, fixes });
  }

  warning(code: DiagnosticCode, message: string, range: Range, fixes: readonly Fix[] = []): void {
    this.#add({ code, severity: 'warning', message, range, fixes });
  }

  #add(diagnostic: Diagnostic): void {
    if (!this.isFull && !this.#all.some(known => isSame(known, diagnostic))) this.#all.push(diagnostic);
  }
}

/** A subtask with a matrix is met once for each of its values, and says the same each time. */
function isSame(a: Diagnostic, b: Diagnostic): boolean {
  return a.message === b.message && a.range.start === b.range.start && a.range.end === b.range.end;
}
