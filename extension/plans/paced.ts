import type * as vscode from 'vscode';

/**
 * Work that is done again and again: no sooner than a time after it was asked for, once however often it was, and one at a
 * time, so that an older answer never comes after a newer one.
 */
export class Paced implements vscode.Disposable {
  readonly #work: () => Promise<void>;
  readonly #waitMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isAtWork = false;
  #isAsked = false;
  #isOver = false;

  /** @param work its failures are its own affair: it never rejects */
  constructor(work: () => Promise<void>, waitMs: number) {
    this.#work = work;
    this.#waitMs = waitMs;
  }

  soon(): void {
    this.#isAsked = true;
    if (this.#isOver || this.#isAtWork) return;
    this.#timer ??= setTimeout(() => void this.#begin(), this.#waitMs);
  }

  dispose(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #begin(): Promise<void> {
    this.#timer = undefined;
    this.#isAsked = false;
    this.#isAtWork = true;
    await this.#work();
    this.#isAtWork = false;
    if (this.#isAsked) this.soon();
  }
}
