import { execFile, execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * The only reader of the system's process table: `/proc` on Linux, `ps` elsewhere. It sees the processes that this user
 * may see. A process that has ended and waits for its parent (a zombie) is not listed.
 */

/**
 * Identifies a process among all that had or will have its pid: on Linux the boot's id and the start time in clock ticks
 * since boot, elsewhere the start time in seconds.
 * @returns null when no such process runs. Does not block on Linux; elsewhere it runs `ps`.
 */
export function processStart(pid: number): string | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (!IS_LINUX) return psStart(pid);
  const stat = readStat(pid);
  return stat === undefined ? null : `${bootId()}:${stat.birth}`;
}

/** True while the process runs that `processStart` described by `start`. */
export const isAlive = (pid: number, start: string): boolean => processStart(pid) === start;

export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** The command line where it can be read, else the name. May hold control characters, and be very long. */
  readonly command: string;
  /** The processor time used so far, in clock ticks; 0 where the table does not say. */
  readonly cpuTicks: number;
}

/** The start time of a process, in the unit of the table that gave it. */
export type Birth = number;

/** A query for the processes that match any of these members, except `since`, which narrows `mark` and `text`. */
export interface ProcessQuery {
  readonly pids?: ReadonlySet<number>;
  readonly group?: number;
  readonly sessions?: ReadonlySet<number>;
  /** A `NAME=value` in the environment that the process was started with. */
  readonly mark?: string;
  /** A text in the command line, or in the environment that the process was started with. */
  readonly text?: string;
  /** Processes that started earlier are not searched for a mark or a text. */
  readonly since?: Birth;
}

export interface ProcessTable {
  /** Returns the start time of a process, or undefined when it has ended or the table does not say. Does not block. */
  birthOf(pid: number): Birth | undefined;
  /** Returns the matching processes, in no particular order, without those that end during the search. */
  find(query: ProcessQuery): Promise<ProcessEntry[]>;
}

const IS_LINUX = process.platform === 'linux';

/** Returns the process table of the machine that this program runs on. */
export function processTable(): ProcessTable {
  return IS_LINUX ? linuxProcesses : psProcesses(process.platform);
}

/** The number of processes that are checked before yielding: about a millisecond's work. */
const SLICE = 64;

/** Reads `/proc`. */
export const linuxProcesses: ProcessTable = {
  birthOf: pid => readStat(pid)?.birth,
  async find(query) {
    const found: ProcessEntry[] = [];
    const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
    for (const [index, pid] of pids.entries()) {
      if (index % SLICE === SLICE - 1) await yieldToEventLoop();
      const stat = readStat(pid);
      if (stat === undefined || !(await matches(stat, query))) continue;
      const { group, session, name, cpuTicks } = stat;
      const line = ((await readOf(pid, 'cmdline')) ?? '').replaceAll('\0', ' ').trim();
      found.push({ pid, group, session, command: line === '' ? name : line, cpuTicks });
    }
    return found;
  },
};

/** Returns the arguments that a process was started with, its program first; empty where the system does not say. */
export async function argumentsOf(pid: number): Promise<readonly string[]> {
  const line = IS_LINUX ? await readOf(pid, 'cmdline') : undefined;
  return line === undefined ? [] : line.split('\0').slice(0, -1);
}

/** Returns the folder that a process works in; null where the system does not say. */
export async function workingFolderOf(pid: number): Promise<string | null> {
  return IS_LINUX ? readlink(`/proc/${pid}/cwd`).catch(() => null) : null;
}

interface Stat {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  readonly name: string;
  readonly cpuTicks: number;
  /** In clock ticks since the machine was started. */
  readonly birth: Birth;
}

/** Longer than any line of `/proc/‹pid›/stat`: some fifty numbers and a name of at most 64 characters. */
const STAT = Buffer.alloc(2_048);

/** Returns undefined for a process that has ended. The kernel answers from its own memory, so that reading does not block. */
function readStat(pid: number): Stat | undefined {
  const text = readLine(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name stands in parentheses and may hold any character, parentheses and spaces included.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  if (fields[19] === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const name = text.slice(text.indexOf('(') + 1, nameEnd);
  const [group, session, birth] = [Number(fields[2]), Number(fields[3]), Number(fields[19])];
  return { pid, group, session, name, cpuTicks: Number(fields[11]) + Number(fields[12]), birth };
}

/** Reads with three system calls. `readFileSync` makes twice as many, and a search reads a file of each process. */
function readLine(file: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    return STAT.toString('latin1', 0, readSync(fd, STAT, 0, STAT.length, null));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

let boot: string | undefined;
const bootId = (): string => (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());

async function matches(stat: Stat, query: ProcessQuery): Promise<boolean> {
  const { pids, group, sessions, mark, text, since = 0 } = query;
  if (pids?.has(stat.pid) === true || stat.group === group || sessions?.has(stat.session) === true)
    return true;
  if ((mark === undefined && text === undefined) || stat.birth < since) return false;
  const environment = await readOf(stat.pid, 'environ');
  if (mark !== undefined && `\0${environment ?? ''}`.includes(`\0${mark}\0`)) return true;
  if (text === undefined) return false;
  return environment?.includes(text) === true || (await readOf(stat.pid, 'cmdline'))?.includes(text) === true;
}

/**
 * Reads a file that lies in the memory of the process, for which the kernel may have to wait.
 * @returns undefined when the process has ended or belongs to another user.
 */
async function readOf(pid: number, name: 'cmdline' | 'environ'): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.*)$/;
const PS_FORMAT = 'pid=,pgid=,sess=,stat=,args=';
const ASSIGNMENT = /\s[A-Za-z_][A-Za-z0-9_]*=/;

/** Asks `ps`, whose lines end in the command followed by the environment. */
export function psProcesses(platform: NodeJS.Platform): ProcessTable {
  const flags = platform === 'darwin' ? ['-A', '-E', '-ww', '-o', PS_FORMAT] : ['axeww', '-o', PS_FORMAT];
  return {
    birthOf: () => undefined,
    async find(query) {
      const { stdout } = await promisify(execFile)('ps', flags, { maxBuffer: 64 * 1024 * 1024 });
      return stdout.split('\n').flatMap(line => psEntry(line, query) ?? []);
    },
  };
}

function psEntry(line: string, query: ProcessQuery): ProcessEntry | undefined {
  const [, pid, group, session, state, words] = PS_LINE.exec(line) ?? [];
  if (words === undefined || state === undefined || state.startsWith('Z')) return undefined;
  const ids = { pid: Number(pid), group: Number(group), session: Number(session) };
  const isWanted =
    query.pids?.has(ids.pid) === true ||
    ids.group === query.group ||
    query.sessions?.has(ids.session) === true ||
    (query.mark !== undefined && ` ${words} `.includes(` ${query.mark} `)) ||
    (query.text !== undefined && words.includes(query.text));
  if (!isWanted) return undefined;
  const environment = words.search(ASSIGNMENT);
  return { ...ids, command: environment === -1 ? words : words.slice(0, environment), cpuTicks: 0 };
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
