import type * as vscode from 'vscode';

/** Disposables and events of the API. */

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

  /** Calls its function, once. */
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

  /** The number of listeners, with which a test finds one that was not disposed of. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Calls the present listeners. If one throws, the others are still called, and the test fails. */
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
