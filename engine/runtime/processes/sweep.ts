import { messageOf } from '../../errors.ts';
import type { ControlGroup } from './control-group.ts';
import type { Birth, ProcessEntry, ProcessTable } from '../../system/process-table.ts';
import { sendSignal } from '../../system/processes.ts';
import { waitUntil } from '../../system/wait.ts';
import { cutToLength, readable } from '../executors/summary.ts';
import { inTime } from './timer.ts';

/** The traces by which the processes of a command are found, also those that left its group. */
export interface Traces {
  /** The session that its leader began; undefined where the leader is gone, and another may have its number. */
  readonly session: number | undefined;
  /** The `NAME=value` in their environment. */
  readonly mark: string;
  /** The start time of its leader, where the table gives it. */
  readonly since: Birth | undefined;
  readonly control: ControlGroup | null;
}

/** The processes of a command that were found, for the record: `pid command`. */
export interface Left {
  readonly named: string[];
  /** Those of them that could not be ended. */
  readonly staying: string[];
}

/** The time that the system has to end what was killed: a process inside a system call can't be ended before it returns. */
export const KILL_MS = 10_000;
/** The most processes that are named. */
export const MAX_NAMED = 20;
/** The time that the table of processes may take to answer, in milliseconds. */
export const TABLE_MS = 5_000;

/**
 * Ends what a command started, by SIGTERM and, after the grace, SIGKILL. Where a control group held all of it and is empty,
 * nobody is looked for: a walk over the table of processes takes longer than most of the rest of an attempt.
 * @param graceMs null to kill at once
 */
export async function sweep(
  processes: ProcessTable,
  { session, mark, since, control }: Traces,
  graceMs: number | null,
  killMs = KILL_MS,
): Promise<Left> {
  if (control?.isEmpty() === true) return { named: [], staying: [] };
  const query = {
    mark,
    ...(session !== undefined && { sessions: new Set([session]) }),
    ...(since !== undefined && { since }),
  };
  const named = new Map<number, string>();
  const look = async (): Promise<ProcessEntry[]> => {
    const pids = new Set(await control?.pids());
    const found = await inTime(processes.find({ ...query, pids }), TABLE_MS);
    // One that is about to end has lost its command line: it is named as it was met first.
    for (const entry of found) if (!named.has(entry.pid)) named.set(entry.pid, textOf(entry));
    return found;
  };
  const signalAll = async (name: NodeJS.Signals): Promise<boolean> => {
    const found = await look();
    if (name === 'SIGKILL') await control?.kill();
    // A stopped process takes the signal only when it goes on.
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

/** The most characters of a command line that are recorded. */
const COMMAND_CHARS = 200;

/** Describes a process in one line: its pid and its command. */
export function textOf({ pid, command }: ProcessEntry): string {
  const line = readable(command).replace(/\s+/g, ' ').trim();
  return `${pid} ${cutToLength(line, COMMAND_CHARS)}`;
}
