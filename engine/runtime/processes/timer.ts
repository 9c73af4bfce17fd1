import { FleetError } from '../../errors.ts';

/** The longest delay of the system's timers, in milliseconds: about 24.8 days. */
const MAX_DELAY_MS = 2_147_483_647;

/**
 * Calls `action` once after `delayMs`, which may be longer than the system's timers allow.
 * @returns cancels it; calling it again, or after the action, does nothing.
 */
export function after(delayMs: number, action: () => void): () => void {
  let left = delayMs;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const step = Math.min(left, MAX_DELAY_MS);
    left -= step;
    timer = setTimeout(left > 0 ? arm : action, step);
  };
  arm();
  return () => clearTimeout(timer);
}

/** Returns the outcome of `promise` if it comes in time. The work goes on otherwise. @throws TIMED_OUT */
export async function withTimeLimit<T>(promise: Promise<T>, withinMs: number): Promise<T> {
  let cancel: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = after(withinMs, () => reject(new FleetError('TIMED_OUT', `no answer within ${withinMs} ms`)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel?.();
  }
}
