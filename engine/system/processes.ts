import { isAlive } from './process-table.ts';
import { waitUntil } from './wait.ts';

/** A process, identified by its pid and the result of `processStart` for it. */
export interface ProcessId {
  readonly pid: number;
  /** Null when it had ended before its start was read. */
  readonly start: string | null;
}

/**
 * Signals a process, or a whole group by its negated id; 0 only asks.
 * @returns false when there is none, or it belongs to another user.
 */
export function sendSignal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

export const isRunning = ({ pid, start }: ProcessId): boolean => start !== null && isAlive(pid, start);

/** Elsewhere than on Linux a check starts `ps`. */
const CHECK = process.platform === 'linux' ? 'cheap' : 'costly';

/**
 * Waits for the end of a process that need not be a child of this one; only children have an event for it.
 * @returns false when it still runs at the end of the time.
 * @throws the signal's reason when it aborts.
 */
export function waitUntilGone(id: ProcessId, withinMs: number, signal?: AbortSignal): Promise<boolean> {
  return waitUntil(() => !isRunning(id), { withinMs, signal, check: CHECK });
}

export interface EndOptions {
  /** The time between SIGTERM and SIGKILL, in milliseconds; 0 kills at once. */
  readonly graceMs: number;
  /** The time that the system has to end a killed process, in milliseconds. */
  readonly killMs: number;
}

/** Ends a process: SIGTERM and, after the grace, SIGKILL. @returns null when it runs on after both. */
export async function endProcess(
  id: ProcessId,
  { graceMs, killMs }: EndOptions,
): Promise<'terminated' | 'killed' | null> {
  if (graceMs > 0) {
    signalProcess(id, 'SIGTERM');
    if (await waitUntilGone(id, graceMs)) return 'terminated';
  }
  signalProcess(id, 'SIGKILL');
  return (await waitUntilGone(id, killMs)) ? 'killed' : null;
}

/** Signals a process, unless it has ended: another one may have its pid by now. */
export function signalProcess(id: ProcessId, name: NodeJS.Signals): void {
  if (isRunning(id)) sendSignal(id.pid, name);
}
