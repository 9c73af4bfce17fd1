import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as v from 'valibot';
import { systemCodeOf } from '../errors.ts';
import { writeAtomically } from './files.ts';

/**
 * A text that tells this process from every other that had or will have its pid: on Linux the boot's id and the
 * start time in clock ticks since boot, elsewhere the start time in seconds.
 * @returns null when no such process runs; one that has ended and only waits to be collected does not run.
 */
export function processStart(pid: number): string | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
}

/** True when the process that `processStart` once described by `start` still runs. */
export const isAlive = (pid: number, start: string): boolean => processStart(pid) === start;

let bootId: string | undefined;

function linuxStart(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The second field is the command's name in parentheses and may hold anything, parentheses and spaces included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const ticks = fields[19];
  if (ticks === undefined || state === 'Z' || state === 'X') return null;
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return `${bootId}:${ticks}`;
}

function psStart(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'state=', '-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return line === '' || line.startsWith('Z') ? null : line.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}

const pidFileSchema = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** The result of `processStart` for it. */
  start: v.string(),
  /** The URL of its HTTP port, null while it has none. */
  endpoint: v.nullable(v.string()),
  version: v.string(),
});

/** The process that serves a home: a hint for people and for clients, never the lease. */
export type PidFile = v.InferOutput<typeof pidFileSchema>;

/** Writes `run/spl.pid`, atomically. */
export async function writePidFile(file: string, content: PidFile): Promise<void> {
  await writeAtomically(file, JSON.stringify(content) + '\n', 0o600);
}

/** Reads `run/spl.pid`; undefined when it is missing or not one of ours. Whether its process lives `isAlive` says. */
export async function readPidFile(file: string): Promise<PidFile | undefined> {
  try {
    const result = v.safeParse(pidFileSchema, JSON.parse(await fs.readFile(file, 'utf8')));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

/** Removes `run/spl.pid` if it names this process. Call it while holding the lease, which keeps it from changing. */
export async function removePidFile(file: string): Promise<void> {
  const content = await readPidFile(file);
  if (content?.pid !== process.pid) return;
  await fs.unlink(file).catch((error: unknown) => {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  });
}
