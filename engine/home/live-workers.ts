import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { systemCodeOf } from '../errors.ts';
import { homePaths } from './paths.ts';
import { isAlive, readPidFile } from './process.ts';

export interface WorkerHome {
  readonly alias: string;
  readonly home: string;
}

/** A worker's process that runs: its start tells it from whatever else may get its pid. */
export interface LiveWorker extends WorkerHome {
  readonly pid: number;
  readonly start: string;
}

/**
 * The workers of a coordinator's home that run, with or without a coordinator, in the order of their aliases: their homes
 * lie beside it, and each says in `run/spl.pid` who serves it. Empty where the folder of the homes is missing.
 */
export async function liveWorkers(home: string): Promise<LiveWorker[]> {
  const found = await Promise.all((await workerHomes(home)).map(liveIn));
  return found.filter(worker => worker !== undefined);
}

/** The homes of a coordinator's workers, which lie beside its own, in the order of their aliases. */
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
  const holder = await readPidFile(homePaths(home).pidFile);
  if (holder === undefined || !isAlive(holder.pid, holder.start)) return undefined;
  return { alias, home, pid: holder.pid, start: holder.start };
}
