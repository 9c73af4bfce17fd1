import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { systemCodeOf } from '../errors.ts';
import { homePaths } from './paths.ts';
import { readLivePidFile } from './pid-file.ts';

export interface WorkerHome {
  readonly alias: string;
  readonly home: string;
}

/** The running process of a worker, identified by its start: another process may get its pid. */
export interface LiveWorker extends WorkerHome {
  readonly pid: number;
  readonly start: string;
}

/**
 * Returns the running workers of a coordinator's home by their aliases, also when the coordinator has ended. Their
 * homes are beside its own, and `run/spl.pid` in each names the process. Empty when the folder of the homes is missing.
 */
export async function liveWorkers(home: string): Promise<LiveWorker[]> {
  const found = await Promise.all((await workerHomes(home)).map(liveIn));
  return found.filter(worker => worker !== undefined);
}

/** Returns the homes of a coordinator's workers, which are beside its own, by their aliases. */
export async function workerHomes(home: string): Promise<WorkerHome[]> {
  const folder = path.dirname(home);
  const prefix = `${path.basename(home)}-`;
  return (await namesIn(folder))
    .filter(name => name.startsWith(prefix))
    .map(name => name.slice(prefix.length))
    .filter(alias => /^worker-[a-z]+$/.test(alias))
    .sort()
    .map(alias => ({ alias, home: path.join(folder, prefix + alias) }));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function liveIn({ alias, home }: WorkerHome): Promise<LiveWorker | undefined> {
  const holder = await readLivePidFile(homePaths(home).pidFile);
  return holder && { alias, home, pid: holder.pid, start: holder.start };
}
