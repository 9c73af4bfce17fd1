import type { ReportName } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import type { Grant } from '../contract/tokens.ts';

/** Reports that read much: of each token one is answered at a time, in the order in which they came. */
export const COSTLY: ReadonlySet<ReportName> = new Set<ReportName>([
  'audit',
  'children',
  'join',
  'query',
  'records',
  'replay',
  'speedup',
  'tasks',
  'thread.records',
  'thread.state',
  'threads',
]);

/** Turns of the holders of tokens, each of whom has one at a time. */
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
    const leave = (): void => reject(new FleetError('UNAVAILABLE', 'the client has left'));
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
