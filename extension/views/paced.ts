import * as vscode from 'vscode';

/**
 * The pause before a tree fires. The editor handles a change at once if 200 ms passed since the last one; it queues all
 * others until the next such pause. A tree that fires continuously is not drawn until it stops.
 */
const SILENCE_MS = 220;

/** The changes of a tree's rows, fired no faster than the editor handles them. Undefined stands for the whole tree. */
export class PacedChanges<T> implements vscode.Disposable {
  readonly #emitter = new vscode.EventEmitter<T[] | undefined>();
  #waiting: Set<T> | 'all' | undefined;
  #firedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  readonly event = this.#emitter.event;

  fire(rows: readonly T[] | undefined): void {
    if (rows === undefined) this.#waiting = 'all';
    else if (this.#waiting !== 'all') this.#waiting = new Set([...(this.#waiting ?? []), ...rows]);
    const waitMs = this.#firedAt + SILENCE_MS - performance.now();
    if (waitMs <= 0) this.#fire();
    else this.#timer ??= setTimeout(() => this.#fire(), waitMs);
  }

  /** Resolves when nothing waits to be fired, so that the editor reads the rows of now. */
  async settled(): Promise<void> {
    if (this.#timer === undefined) return;
    await new Promise<void>(resolve => {
      const heard = this.event(() => (heard.dispose(), resolve()));
    });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#emitter.dispose();
  }

  #fire(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#waiting;
    this.#waiting = undefined;
    if (rows === undefined || (rows !== 'all' && rows.size === 0)) return;
    this.#firedAt = performance.now();
    this.#emitter.fire(rows === 'all' ? undefined : [...rows]);
  }
}
