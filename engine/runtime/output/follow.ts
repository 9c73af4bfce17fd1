import type { OutputReader } from './reading.ts';

export interface FollowOptions {
  /** Resolves when the attempt has ended and its sink is closed: the file is complete then. */
  readonly done: Promise<unknown>;
  /** Ends the following early. */
  readonly signal?: AbortSignal;
}

/** Notifies a follower when there may be more to read. */
export interface Wakers {
  /** True when this process writes the log, and notifies; else the file is polled. */
  isWoken(): boolean;
  /** @returns ends the subscription. */
  subscribe(wakeUp: WakeUp): () => void;
}

/**
 * The polling interval of a log that another process writes, in milliseconds: the first one after something was read,
 * and the longest. Each is twice the one before.
 */
const LOOK_MS = { first: 10, longest: 200 };

/** Reads until the attempt has ended and everything is read, or until the signal aborts. */
export async function* followOutput(
  reader: OutputReader,
  { done, signal }: FollowOptions,
  wakers: Wakers,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wakeUp = new WakeUp();
  let ended = false;
  const onDone = (): void => {
    ended = true;
    wakeUp.wake();
  };
  const isAborted = (): boolean => signal?.aborted ?? false;
  const onAbort = (): void => wakeUp.wake();
  const unsubscribe = wakers.subscribe(wakeUp);
  done.then(onDone, onDone);
  signal?.addEventListener('abort', onAbort);
  try {
    let lookMs = LOOK_MS.first;
    while (!isAborted()) {
      // Checked before the pass, which then reads everything from before the end.
      const isLast = ended;
      for await (const chunk of reader.pass()) {
        yield chunk;
        lookMs = LOOK_MS.first;
        if (isAborted()) return;
      }
      if (isLast) return;
      await wakeUp.wait(wakers.isWoken() ? undefined : lookMs);
      lookMs = Math.min(2 * lookMs, LOOK_MS.longest);
    }
  } finally {
    unsubscribe();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Wakes one sleeping waiter; a call before it sleeps is not lost. */
export class WakeUp {
  #woken = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  /** @param atMostMs undefined for no limit */
  async wait(atMostMs: number | undefined): Promise<void> {
    if (!this.#woken) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>(resolve => {
        this.#resume = resolve;
        if (atMostMs !== undefined) timer = setTimeout(resolve, atMostMs);
      });
      clearTimeout(timer);
    }
    this.#woken = false;
    this.#resume = undefined;
  }
}
