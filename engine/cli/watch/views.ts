import type { JoinStatus } from '../../contract/documents.ts';
import { printJson, printLines } from '../context.ts';
import type { Context } from '../verb.ts';
import type { Colours } from '../render/colours.ts';
import { changeLines, progressLines, silences, waits } from '../render/progress.ts';
import { LiveRegion } from './live-region.ts';

/** The interval at which the running times are redrawn on a terminal, in milliseconds. */
const REDRAW_MS = 1_000;

/** Shows the progress of a join. */
export interface View {
  update(join: JoinStatus): void;
  finish(join: JoinStatus): void;
  /** Restores the terminal, however the watching ends. */
  leave?(): void;
}

/** Returns the lines at the end of the watching. */
export type EndLines = (join: JoinStatus, colours: Colours) => readonly string[];

/** Shows a bar and the running subtasks, redrawn in place. */
export class Redrawn implements View {
  readonly #context: Context;
  readonly #endLines: EndLines;
  readonly #region: LiveRegion;
  readonly #begun = performance.now();
  readonly #timer: NodeJS.Timeout;
  #last: { readonly join: JoinStatus; readonly readAt: number } | undefined;

  constructor(context: Context, endLines: EndLines) {
    this.#context = context;
    this.#endLines = endLines;
    this.#region = new LiveRegion(context.out);
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  update(join: JoinStatus): void {
    this.#last = { join, readAt: performance.now() };
    this.#draw();
  }

  finish(join: JoinStatus): void {
    printLines(this.#context.out, this.#endLines(join, this.#context.out.colours));
  }

  leave(): void {
    clearInterval(this.#timer);
    this.#region.clear();
  }

  #draw(): void {
    if (this.#last === undefined) return;
    const { join, readAt } = this.#last;
    const { columns, colours } = this.#context.out;
    const now = performance.now();
    const view = { elapsedSecs: (now - this.#begun) / 1000, ageSecs: (now - readAt) / 1000, columns };
    this.#region.show(progressLines(join, view, colours));
  }
}

/** Prints a line for each change of state. */
export class LinePerChange implements View {
  readonly #context: Context;
  readonly #endLines: EndLines;
  /** The reasons to wait and the silent attempts that were already printed. */
  readonly #waits = new Set<string>();
  #last: JoinStatus | undefined;

  constructor(context: Context, endLines: EndLines) {
    this.#context = context;
    this.#endLines = endLines;
  }

  update(join: JoinStatus): void {
    // For a large fan-out, only the last document has children. That is not a change.
    const listed =
      this.#last !== undefined && (this.#last.children.length === 0) !== (join.children.length === 0);
    if (!listed) printLines(this.#context.out, changeLines(this.#last, join, this.#context.out.colours));
    // A subtask with an attempt has its own line.
    for (const [key, text] of [...waits(join, ({ attempt }) => attempt === 0), ...silences(join)])
      if (!this.#waits.has(key)) this.#print(key, text);
    this.#last = join;
  }

  #print(key: string, text: string): void {
    this.#waits.add(key);
    printLines(this.#context.out, [`· ${text}`]);
  }

  finish(join: JoinStatus): void {
    printLines(this.#context.out, ['', ...this.#endLines(join, this.#context.out.colours)]);
  }
}

/** Prints the whole document on one line, at each change. */
export class DocumentPerChange implements View {
  readonly #context: Context;
  #last = '';

  constructor(context: Context) {
    this.#context = context;
  }

  update(join: JoinStatus): void {
    // Running times alone are not a change.
    const key = JSON.stringify({
      ...join,
      children: join.children.map(({ state, attempt }) => [state, attempt]),
    });
    if (key !== this.#last) printJson(this.#context.out, join);
    this.#last = key;
  }

  finish(): void {
    // The last document was printed with the last change.
  }
}

/** Prints one document at the end, with the answer of the command itself. */
export class OneDocument implements View {
  readonly #context: Context;
  readonly #document: object;

  constructor(context: Context, document: object) {
    this.#context = context;
    this.#document = document;
  }

  update(): void {
    // Only the end is printed.
  }

  finish(join: JoinStatus): void {
    printJson(this.#context.out, { ...this.#document, ...join });
  }
}
