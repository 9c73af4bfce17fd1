import { messageOf } from '../../errors.ts';
import type { ControlGroup } from './control-group.ts';
import type { Birth, ProcessEntry, ProcessTable } from '../../system/process-table.ts';
import { sendSignal } from '../../system/processes.ts';
import { waitUntil } from '../../system/wait.ts';
import { cutToLength, readable } from '../executors/summary.ts';
import { withTimeLimit } from './timer.ts';

/** The properties by which the processes of a command are found, also those that left its group. */
export interface Traces {
  /** The session of its leader; undefined when the leader has ended, because another may have its number. */
  readonly session: number | undefined;
  /** The `NAME=value` in their environment. */
  readonly mark: string;
  /** The start time of its leader, if the table has it. */
  readonly since: Birth | undefined;
  readonly control: ControlGroup | null;
}

/** The processes of a command that outlived it, as `pid command`, for the record. */
export interface Leftover {
  readonly named: string[];
  /** Those of them that are still running. */
  readonly staying: string[];
}

/** The time that the system has to end killed processes: a process inside a system call ends only when it returns. */
export const KILL_MS = 10_000;
/** The maximum number of processes that are named. */
export const MAX_NAMED = 20;
/** The time limit of a search of the process table, in milliseconds. */
export const TABLE_MS = 5_000;

/**
 * Ends the processes of a command: SIGTERM, then SIGKILL after the grace. An empty control group needs no search, which
 * would take longer than most other parts of an attempt.
 * @param graceMs null kills at once
 */
export async function sweep(
  processes: ProcessTable,
  { session, mark, since, control }: Traces,
  graceMs: number | null,
  killMs = KILL_MS,
): Promise<Leftover> {
  if (control?.isEmpty() === true) return { named: [], staying: [] };
  const query = {
    mark,
    ...(session !== undefined && { sessions: new Set([session]) }),
    ...(since !== undefined && { since }),
  };
  const named = new Map<number, string>();
  const look = async (): Promise<ProcessEntry[]> => {
    const pids = new Set(await control?.pids());
    const found = await withTimeLimit(processes.find({ ...query, pids }), TABLE_MS);
    // An ending process has lost its command line, so that the first text of each is kept.
    for (const entry of found) if (!named.has(entry.pid)) named.set(entry.pid, textOf(entry));
    return found;
  };
  const signalAll = async (name: NodeJS.Signals): Promise<boolean> => {
    const found = await look();
    if (name === 'SIGKILL') await control?.kill();
    // A stopped process takes the signal only when it continues.
    for (const { pid } of found) for (const each of [name, 'SIGCONT'] as const) sendSignal(pid, each);
    return found.length === 0;
  };
  const endWith = (name: NodeJS.Signals, withinMs: number): Promise<boolean> =>
    waitUntil(() => signalAll(name), { withinMs, check: 'costly' });
  try {
    const ended =
      (await look()).length === 0 ||
      (graceMs !== null && (await endWith('SIGTERM', graceMs))) ||
      (await endWith('SIGKILL', killMs));
    const staying = ended ? [] : (await look()).map(textOf);
    return { named: [...named.values()].slice(0, MAX_NAMED), staying: staying.slice(0, MAX_NAMED) };
  } catch (error) {
    return { named: [], staying: [`? the table of processes could not be read: ${messageOf(error)}`] };
  }
}

/** The maximum length of a recorded command line, in UTF-16 code units. */
const COMMAND_CHARS = 200;

/** Describes a process in one line: its pid and its command. */
export function textOf({ pid, command }: ProcessEntry): string {
  const line = readable(command).replace(/\s+/g, ' ').trim();
  return `${pid} ${cutToLength(line, COMMAND_CHARS)}`;
}
