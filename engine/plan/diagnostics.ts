/** A range of the text, in UTF-16 code units from 0. The end is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The code of a fault in a plan, for programs. */
export type DiagnosticCode =
  | 'yaml'
  | 'too-large'
  | 'unknown-key'
  | 'missing-key'
  | 'invalid-value'
  | 'unused'
  | 'matrix'
  | 'params'
  | 'results'
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
  /** A plan with an error is not run; a plan with only warnings is. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly range: Range;
  readonly fixes: readonly Fix[];
}

/** The limit of diagnostics: one mistake in a large matrix may occur ten thousand times. */
const MAX_DIAGNOSTICS = 200;

/** Collects the diagnostics of a text, in the order in which they are found. */
export class Diagnostics {
  readonly #all: Diagnostic[] = [];
  #reported = 0;

  get all(): readonly Diagnostic[] {
    return this.#all;
  }

  /** The number of reported diagnostics, including those that are not kept. */
  get reported(): number {
    return this.#reported;
  }

  /** True once no more diagnostics are kept, so that further checks are pointless. */
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
    this.#reported += 1;
    if (!this.isFull && !this.#all.some(known => isSame(known, diagnostic))) this.#all.push(diagnostic);
  }
}

/**
 * Returns true for equal diagnostics. A subtask with a matrix is checked once per combination, with the same result.
 */
function isSame(a: Diagnostic, b: Diagnostic): boolean {
  return a.message === b.message && a.range.start === b.range.start && a.range.end === b.range.end;
}
