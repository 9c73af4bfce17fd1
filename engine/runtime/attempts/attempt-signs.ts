import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
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
      const cpu = processes.reduce((sum, each) => sum + each.cpu, 0);
      const folders = await Promise.all(processes.slice(0, MAX_FOLDERS).map(({ pid }) => folderOf(pid)));
      const changes = await Promise.all(Array.from(new Set([traces.dir, ...folders]), lastChange));
      return `${cpu} ${Math.max(...changes)}`;
    },
    nudge: async () => {
      const groups = new Set((await processesOf(traces)).map(({ group }) => group));
      // SIGCONT wakes what was stopped; on SIGWINCH programs with a screen draw it anew, and others do nothing.
      for (const group of groups) for (const signal of ['SIGCONT', 'SIGWINCH'] as const) send(group, signal);
    },
  };
}

interface Stat {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** In clock ticks. */
  readonly cpu: number;
}

async function processesOf({ id }: Traces): Promise<Stat[]> {
  const mark = markOf(id);
  const names = await readdir('/proc').catch(() => []);
  const own = statOf(process.pid)?.session;
  const found: [Stat, boolean][] = [];
  for (const pid of names.map(Number).filter(Number.isInteger)) {
    const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => null);
    const entry = text === null ? undefined : statOf(pid);
    if (entry === undefined || entry.session === own) continue;
    found.push([entry, `\0${text}`.includes(`\0${mark}\0`)]);
  }
  const sessions = new Set(found.filter(([, isMarked]) => isMarked).map(([{ session }]) => session));
  return found.filter(([{ session }]) => sessions.has(session)).map(([entry]) => entry);
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name stands in parentheses and may hold any character.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      group: Number(fields[2]),
      session: Number(fields[3]),
      cpu: Number(fields[11]) + Number(fields[12]),
    };
  } catch {
    return undefined;
  }
}

function folderOf(pid: number): Promise<string | null> {
  return readlink(`/proc/${pid}/cwd`).catch(() => null);
}

function send(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended.
  }
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
