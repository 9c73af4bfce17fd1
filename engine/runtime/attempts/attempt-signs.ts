import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { processTable, workingFolderOf, type ProcessEntry } from '../../system/process-table.ts';
import { sendSignal } from '../../system/processes.ts';
import { markOf } from '../executors/environment.ts';
import type { Signs } from './stall-watch.ts';

/** The id in the environment of an attempt's processes, and their folder. */
export interface Traces {
  readonly id: string;
  readonly dir: string | null;
}

/**
 * The maximum number of entries of a folder that are checked. Changes deeper down, or in further entries, are not seen.
 */
const MAX_ENTRIES = 256;
/** The maximum number of processes whose folders are checked. */
const MAX_FOLDERS = 8;

/**
 * Signs of life of an attempt: the processor time of its processes, and the last change in its folder and in those of
 * its processes. Without `/proc` only its folder is checked.
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
    wake: async () => {
      const groups = new Set((await processesOf(traces)).map(({ group }) => group));
      // SIGCONT continues stopped processes. SIGWINCH makes programs with a screen redraw it, and is ignored by others.
      for (const group of groups)
        for (const signal of ['SIGCONT', 'SIGWINCH'] as const) sendSignal(-group, signal);
    },
  };
}

/**
 * Returns the processes of the sessions in which a process has the attempt's mark: others may have cleared their
 * environment. Empty without `/proc`, where the table has no processor time.
 */
async function processesOf({ id }: Traces): Promise<readonly ProcessEntry[]> {
  if (process.platform !== 'linux') return [];
  const found = await processTable().find({ mark: markOf(id), pids: new Set([process.pid]) });
  const own = found.find(({ pid }) => pid === process.pid)?.session;
  const sessions = new Set(found.map(({ session }) => session).filter(session => session !== own));
  return sessions.size === 0 ? [] : processTable().find({ sessions });
}

/** Returns the time of the last change of the folder or of an entry directly in it; 0 when that is unknown. */
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
