import { FleetError } from '../errors.ts';
import type { Grant } from '../contract/tokens.ts';

/** Turns of the holders of tokens: of each, one costly report is answered at a time, in the order in which they came. */
export class HolderTurns {
  readonly #last = new WeakMap<Grant, Promise<void>>();

  /** Answers when what this holder asked before is answered. @throws UNAVAILABLE when its client leaves meanwhile. */
  async take<T>(holder: Grant, signal: AbortSignal, answer: () => Promise<T>): Promise<T> {
    const before = this.#last.get(holder) ?? Promise.resolve();
    const { promise: over, resolve: end } = withResolvers();
    this.#last.set(
      holder,
      before.then(() => over),
    );
    try {
      await orLeft(before, signal);
      return await answer();
    } finally {
      end();
    }
  }
}

function orLeft(before: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new FleetError('UNAVAILABLE', 'the client disconnected'));
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    void before.then(resolve).finally(() => signal.removeEventListener('abort', leave));
  });
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>(settle => (resolve = settle));
  return { promise, resolve };
}
