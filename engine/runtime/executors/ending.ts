import { messageOf } from '../../errors.ts';
import type { AttemptResult } from './executor.ts';
import { after } from '../processes/timer.ts';

/** An end from outside, in contrast to the command's own. */
export interface Ending {
  readonly verdict: 'timeout' | 'cancelled' | 'failed';
  readonly reason: string;
}

/** Waits for a time-out or a cancel. */
export interface EndingWatch {
  /** Resolves with the first of time-out and cancel; never without one. */
  readonly ending: Promise<Ending>;
  /** The same as soon as it has happened. */
  readonly ended: Ending | undefined;
  /** Stops waiting. Idempotent. */
  stop(): void;
}

/** Waits for an attempt's time-out, which starts now, and for its cancel. */
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

/** Returns the text of an abort: its reason if that is text, else the message of its error. */
export function cancelReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  return typeof reason === 'string' ? reason : messageOf(reason);
}

/** Returns the result of an attempt that ran no command. */
export function withoutCommand(
  verdict: AttemptResult['verdict'],
  reason: string | null,
  summary = '',
): AttemptResult {
  return { verdict, reason, exitCode: null, signal: null, summary, costUsd: 0, leftGroup: [] };
}

/** Returns the text of a time-out. */
export function timeoutReason(timeoutMs: number): string {
  return `ran longer than its time-out of ${timeoutMs / 1000} s`;
}
