import type * as vscode from 'vscode';

/** Disposables and events, as the API has them. */

export class Disposable implements vscode.Disposable {
  #dispose: (() => unknown) | undefined;

  static from(...disposables: readonly { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const each of disposables) each.dispose();
    });
  }

  constructor(dispose: () => unknown) {
    this.#dispose = dispose;
  }

  /** Calls what it was made with, once. */
  dispose(): void {
    const dispose = this.#dispose;
    this.#dispose = undefined;
    dispose?.();
  }
}

export class EventEmitter<T> implements vscode.EventEmitter<T> {
  readonly #listeners = new Set<(event: T) => unknown>();
  #isDisposed = false;

  readonly event: vscode.Event<T> = (listener, self?: unknown, disposables?: vscode.Disposable[]) => {
    if (this.#isDisposed) return new Disposable(() => undefined);
    const heard = (event: T): unknown => listener.call(self, event);
    this.#listeners.add(heard);
    const result = new Disposable(() => this.#listeners.delete(heard));
    disposables?.push(result);
    return result;
  };

  /** The listeners that there are: who forgets to dispose of one is found by it. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Tells those that listen now. One that throws keeps nothing from the others, and fails the test. */
  fire(event: T): void {
    for (const listener of [...this.#listeners])
      try {
        listener(event);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#listeners.clear();
  }
}
