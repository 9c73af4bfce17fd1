import { setTimeout as delay } from 'node:timers/promises';

/**
 * The pauses between two checks of a condition that has no event. The first one is short, because most conditions hold
 * soon; each further one is twice as long, up to a limit that keeps the checks of a long wait below a few percent of one
 * processor.
 */
const FIRST_PAUSE_MS = 1;
/** For a check that reads a file or two, or connects to a socket of this machine. */
const CHEAP_PAUSE_MS = 10;
/** For a check that reads the whole process table, or starts a process. */
const COSTLY_PAUSE_MS = 100;

export interface WaitOptions {
  /** The longest wait, in milliseconds; `Infinity` waits until the signal aborts. */
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The cost of one check. Default: cheap. */
  readonly check?: 'cheap' | 'costly';
}

/**
 * Checks a condition with growing pauses until it holds. Use it only where the system offers no event.
 * @param isMet gets the time waited so far, in milliseconds
 * @returns false when it does not hold at the end of the time.
 * @throws the signal's reason when it aborts, and what the condition throws.
 */
export async function waitUntil(
  isMet: (waitedMs: number) => boolean | Promise<boolean>,
  { withinMs, signal, check = 'cheap' }: WaitOptions,
): Promise<boolean> {
  const longestMs = check === 'cheap' ? CHEAP_PAUSE_MS : COSTLY_PAUSE_MS;
  const began = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, longestMs)) {
    signal?.throwIfAborted();
    if (await isMet(performance.now() - began)) return true;
    const leftMs = began + withinMs - performance.now();
    if (leftMs <= 0) return false;
    // The loop throws the signal's own reason; `delay` would wrap it.
    await delay(Math.min(pauseMs, leftMs), undefined, signal && { signal }).catch(() => undefined);
  }
}
