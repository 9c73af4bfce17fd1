import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { processTable, workingFolderOf, type ProcessEntry } from '../../system/process-table.ts';
import { sendSignal } from '../../system/processes.ts';
import { markOf } from '../executors/environment.ts';
import type { Signs } from './stall-watch.ts';

/** The id that an attempt's processes have in their environment, and where they work. */
export interface Traces {
  readonly id: string;
  readonly dir: string | null;
}

/** The maximum number of entries of a folder that are checked. A change deeper down, or in further entries, is not seen. */
const MAX_ENTRIES = 256;
/** In how many folders its processes may be, worktrees of their own among them, that are looked at. */
const MAX_FOLDERS = 8;

/**
 * Signs of life of an attempt: the processor time of its processes, and when something was changed last in its folder or in
 * those where its processes are. These are the ones that carry its environment, with their sessions. Without `/proc` the
 * folder alone is looked at.
 */
export function attemptSigns(traces: Traces): Signs {
  return {
    look: async () => {
      const processes = await processesOf(traces);
      const cpu = processes.reduce((sum, each) => sum + each.cpuTicks, 0);
      const folders = await Promise.all(
        processes.slice(0, MAX_FOLDERS).map(({ pid }) => workingFolderOf(pid)),
      );
      const changes = await Promise.all(Array.from(new Set([traces.dir, ...folders]), lastChange));
      return `${cpu} ${Math.max(...changes)}`;
    },
    nudge: async () => {
      const groups = new Set((await processesOf(traces)).map(({ group }) => group));
      // SIGCONT wakes what was stopped; on SIGWINCH programs with a screen draw it anew, and others do nothing.
      for (const group of groups)
        for (const signal of ['SIGCONT', 'SIGWINCH'] as const) sendSignal(-group, signal);
    },
  };
}

/**
 * Returns the processes of the sessions in which a process has the attempt's mark; those need not have kept it. Without
 * `/proc` there is no processor time to compare, and none is returned.
 */
async function processesOf({ id }: Traces): Promise<readonly ProcessEntry[]> {
  if (process.platform !== 'linux') return [];
  const found = await processTable().find({ mark: markOf(id), pids: new Set([process.pid]) });
  const own = found.find(({ pid }) => pid === process.pid)?.session;
  const sessions = new Set(found.map(({ session }) => session).filter(session => session !== own));
  return sessions.size === 0 ? [] : processTable().find({ sessions });
}

/** The latest time at which the folder, or something directly in it, was changed; 0 where that can't be told. */
async function lastChange(dir: string | null): Promise<number> {
  if (dir === null) return 0;
  const names = await readdir(dir).catch(() => []);
  const places = [dir, ...names.slice(0, MAX_ENTRIES).map(name => join(dir, name))];
  const times = await Promise.all(
    places.map(place =>
      stat(place).then(
        each => each.mtimeMs,
        () => 0,
      ),
    ),
  );
  return Math.max(...times);
}
