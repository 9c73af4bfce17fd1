import { setMaxListeners } from 'node:events';

/** A controller that other signals abort too, with their reason. */
export interface LinkedController {
  readonly controller: AbortController;
  /** Removes the listeners. Call it when the work is over. */
  readonly release: () => void;
}

/**
 * Returns a controller that any of the signals aborts, until it is released. `AbortSignal.any` does the same, but
 * leaves one listener per call on a signal that outlives the call.
 */
export function linkedController(signals: readonly (AbortSignal | undefined)[]): LinkedController {
  const controller = new AbortController();
  const links = signals
    .filter(signal => signal !== undefined)
    .map(signal => ({ signal, onAbort: (): void => controller.abort(signal.reason) }));
  for (const { signal, onAbort } of links) {
    if (signal.aborted) onAbort();
    else {
      // Any number of calls may share one signal; each removes its listener at the end.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', onAbort, { once: true });
    }
  }
  const release = (): void => {
    for (const { signal, onAbort } of links) signal.removeEventListener('abort', onAbort);
  };
  return { controller, release };
}
