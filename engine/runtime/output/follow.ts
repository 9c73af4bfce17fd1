import type { OutputReader } from './reading.ts';

export interface FollowOptions {
  /** Settled when the attempt has ended and its sink is closed: what is there then is the rest. */
  readonly done: Promise<unknown>;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Tells a follower when there may be more to read. */
export interface Wakers {
  /** True when the log is written by this process, which wakes; else one has to look from time to time. */
  isWoken(): boolean;
  /** @returns ends it. */
  subscribe(wakeUp: WakeUp): () => void;
}

/** The interval between checks of a log that another process writes, in milliseconds. */
const LOOK_MS = 200;

/** Reads until the attempt has ended and all is read, or until the signal is aborted. */
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
    while (!isAborted()) {
      // Asked before the pass, which then is sure to read all that was written before the end.
      const isLast = ended;
      for await (const chunk of reader.pass()) {
        yield chunk;
        if (isAborted()) return;
      }
      if (isLast) return;
      await wakeUp.wait(wakers.isWoken() ? undefined : LOOK_MS);
    }
  } finally {
    unsubscribe();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Lets one waiter sleep until it is woken; a call that comes before it sleeps is not lost. */
export class WakeUp {
  #woken = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  /** @param atMostMs undefined: however long it takes. */
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
