import { FleetError } from '../errors.ts';
import type { Grant } from '../contract/tokens.ts';

/** Limits each token holder to one costly report at a time, in the order of the requests. */
export class HolderTurns {
  readonly #last = new WeakMap<Grant, Promise<void>>();

  /** Waits for the holder's earlier requests, then answers. @throws UNAVAILABLE if the client leaves meanwhile */
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
