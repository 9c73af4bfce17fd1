import { FleetError } from '../../errors.ts';
import { cancelReason, watchForEnding, withoutCommand } from './ending.ts';
import type { AttemptResult, AttemptSpec, Executor, ExecutorContext } from './executor.ts';
import { cutToLength } from './summary.ts';
import { after } from '../processes/timer.ts';

const DEFAULT_DELAY_MS = 1_000;
const GOAL_CHARS = 200;

/** Options for the time that an attempt takes, in milliseconds, 0 or more; 0 answers at once. */
export interface EchoOptions {
  /** Default: `SPL_ECHO_MS` of `env`, else 1000. */
  readonly delayMs?: number;
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Accepts every attempt after a delay, with no side effect, no output and no cost.
 * @throws USAGE when the delay is not a number of 0 or more.
 */
export function echoExecutor(options: EchoOptions = {}): Executor {
  const delayMs = checkedDelay(options.delayMs ?? (options.env ?? process.env)['SPL_ECHO_MS']);
  return {
    name: 'echo',
    sideEffects: false,
    runsCommands: false,
    refusal: () => null,
    start: (attempt, context) => {
      // Checked before the signal, which is created on first use.
      if (delayMs === 0) return accepted(attempt);
      const { signal } = context;
      if (signal.aborted) return withoutCommand('cancelled', cancelReason(signal));
      return acceptAfter(delayMs, attempt, signal);
    },
  };
}

async function acceptAfter(
  delayMs: number,
  attempt: AttemptSpec,
  signal: ExecutorContext['signal'],
): Promise<AttemptResult> {
  let stopWaiting: (() => void) | undefined;
  const passed = new Promise<null>(resolve => {
    stopWaiting = after(delayMs, () => resolve(null));
  });
  const watch = watchForEnding(attempt.timeoutMs, signal);
  const ending = await Promise.race([passed, watch.ending]);
  stopWaiting?.();
  watch.stop();
  return ending === null ? accepted(attempt) : withoutCommand(ending.verdict, ending.reason);
}

function accepted(attempt: AttemptSpec): AttemptResult {
  return withoutCommand('accept', null, `echo: ${firstLine(attempt.goal)}`);
}

function firstLine(goal: string): string {
  const end = goal.indexOf('\n');
  return cutToLength(end === -1 ? goal : goal.slice(0, end), GOAL_CHARS);
}

function checkedDelay(given: number | string | undefined): number {
  if (given === undefined || given === '') return DEFAULT_DELAY_MS;
  const delayMs = Number(given);
  if (Number.isFinite(delayMs) && delayMs >= 0) return delayMs;
  throw new FleetError(
    'USAGE',
    `the delay of the echo executor must be 0 or more milliseconds, not '${given}'`,
    {
      details: { delay: given },
      hint: 'set SPL_ECHO_MS to a number of milliseconds, or leave it out for 1000',
    },
  );
}
