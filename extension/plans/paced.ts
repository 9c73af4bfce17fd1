import type * as vscode from 'vscode';

/**
 * Runs work repeatedly: once per delay, however often it is requested, and one run at a time. An older answer never
 * comes after a newer one.
 */
export class Paced implements vscode.Disposable {
  readonly #work: () => Promise<void>;
  readonly #waitMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isAtWork = false;
  #isAsked = false;
  #isOver = false;

  /** @param work never rejects; it handles its own failures */
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
