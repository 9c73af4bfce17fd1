import { messageOf } from '../../errors.ts';
import type { AttemptResult } from './executor.ts';
import { after } from '../processes/timer.ts';

/** An end that comes from outside, as against the command's own. */
export interface Ending {
  readonly verdict: 'timeout' | 'cancelled' | 'failed';
  readonly reason: string;
}

/** Waits for the two ways in which an attempt is ended by others. */
export interface EndingWatch {
  /** The first of time-out and cancel; never settled when neither comes. */
  readonly ending: Promise<Ending>;
  /** The same, as far as it has come. */
  readonly ended: Ending | undefined;
  /** Lets go of the timer and of the signal. Idempotent. */
  stop(): void;
}

/** Waits for an attempt's time-out, counted from now, and for its cancel. */
export function watchForEnding(timeoutMs: number | null, signal: AbortSignal): EndingWatch {
  let ended: Ending | undefined;
  let settle: (ending: Ending) => void;
  const ending = new Promise<Ending>(resolve => (settle = resolve));
  const end = (verdict: Ending['verdict'], reason: string): void => settle((ended ??= { verdict, reason }));
  const onAbort = (): void => end('cancelled', cancelReason(signal));
  const cancelTimer =
    timeoutMs === null ? () => {} : after(timeoutMs, () => end('timeout', timeoutReason(timeoutMs)));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    ending,
    get ended() {
      return ended;
    },
    stop: () => {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** The words of an abort: its reason where that is text, else what its error says. */
export function cancelReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  return typeof reason === 'string' ? reason : messageOf(reason);
}

/** The result of an attempt in which no command ran. */
export function withoutCommand(
  verdict: AttemptResult['verdict'],
  reason: string | null,
  summary = '',
): AttemptResult {
  return { verdict, reason, exitCode: null, signal: null, summary, costUsd: 0, leftGroup: [] };
}

/** The words of an end by the time-out. */
export function timeoutReason(timeoutMs: number): string {
  return `ran longer than its time-out of ${timeoutMs / 1000} s`;
}
