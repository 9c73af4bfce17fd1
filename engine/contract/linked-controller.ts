import { setMaxListeners } from 'node:events';

/** A controller that others abort too, with their reason. */
export interface LinkedController {
  readonly controller: AbortController;
  /** Removes the listeners; to be called when the work is over. */
  readonly release: () => void;
}

/**
 * Returns a controller that is aborted with any of the signals, until it is released. `AbortSignal.any` does the same, but
 * leaves a listener on a signal that outlives the call, once for each call.
 */
export function linkedController(signals: readonly (AbortSignal | undefined)[]): LinkedController {
  const controller = new AbortController();
  const links = signals
    .filter(signal => signal !== undefined)
    .map(signal => ({ signal, onAbort: (): void => controller.abort(signal.reason) }));
  for (const { signal, onAbort } of links) {
    if (signal.aborted) onAbort();
    else {
      // As many calls as a caller likes may share one signal; each lets go of it in the end.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', onAbort, { once: true });
    }
  }
  const release = (): void => {
    for (const { signal, onAbort } of links) signal.removeEventListener('abort', onAbort);
  };
  return { controller, release };
}
