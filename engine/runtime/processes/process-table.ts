import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cutToLength, readable } from '../executors/summary.ts';

/** One process that runs; what has ended and waits for its parent (a zombie) is not listed. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** For people: the command line where it can be read, at most 200 characters. */
  readonly command: string;
}

/** The start time of a process, in units of the table that gave it. */
export type Birth = number;

/** The processes to look for: those that match any member but the last. */
export interface ProcessQuery {
  readonly pids?: ReadonlySet<number>;
  readonly group?: number;
  readonly session?: number;
  /** A `NAME=value` in the environment that the process was started with. */
  readonly mark?: string;
  /** Nothing that was started before this need be looked at for its mark. */
  readonly since?: Birth;
}

/** The table of this machine's processes, as far as this user may see it. */
export interface ProcessTable {
  /** Returns the start time of a process, or undefined when it is gone or the table does not say. Does not block. */
  birthOf(pid: number): Birth | undefined;
  /** The matching processes in no particular order. Processes that end meanwhile are left out. */
  find(query: ProcessQuery): Promise<ProcessEntry[]>;
}

const COMMAND_CHARS = 200;
/** The number of processes that are checked before yielding: about a millisecond's work. */
const SLICE = 64;

/** The table of the machine that this program runs on. */
export function processTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === 'linux' ? linuxProcesses : psProcesses(platform);
}

/**
 * Reads `/proc`. What the kernel answers from its own memory is read at once, which is twenty times cheaper than to
 * ask a thread for it; environment and command line lie in the process's memory, for which it may have to wait.
 */
export const linuxProcesses: ProcessTable = {
  birthOf: pid => readStat(pid)?.birth,
  async find(query) {
    const found: ProcessEntry[] = [];
    const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
    for (const [index, pid] of pids.entries()) {
      if (index % SLICE === SLICE - 1) await turn();
      const stat = readStat(pid);
      if (stat === undefined || !(await matches(stat, query))) continue;
      const { group, session, name } = stat;
      const line = (await readProc(pid, 'cmdline')) ?? '';
      found.push({ pid, group, session, command: commandText(line.replaceAll('\0', ' '), name) });
    }
    return found;
  },
};

interface Stat {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  readonly name: string;
  /** In clock ticks since the machine was started. */
  readonly birth: Birth;
}

/** Longer than any line of `/proc/‹pid›/stat`: some fifty numbers and a name of at most 64 characters. */
const STAT = Buffer.alloc(2_048);

/** Undefined for a process that is gone or a zombie. */
function readStat(pid: number): Stat | undefined {
  const text = readLine(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name stands in parentheses and may hold any character, parentheses and spaces included.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const name = text.slice(text.indexOf('(') + 1, nameEnd);
  return { pid, group: Number(fields[2]), session: Number(fields[3]), name, birth: Number(fields[19]) };
}

/** The three calls that it takes: `readFileSync` makes twice as many, for each process of the machine. */
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

async function matches(
  stat: Stat,
  { pids, group, session, mark, since = 0 }: ProcessQuery,
): Promise<boolean> {
  if (pids?.has(stat.pid) === true) return true;
  if (stat.group === group || stat.session === session) return true;
  if (mark === undefined || stat.birth < since) return false;
  const environment = await readProc(stat.pid, 'environ');
  return environment !== undefined && `\0${environment}`.includes(`\0${mark}\0`);
}

/** A file of the process, or undefined when it ended or is not ours to read. */
async function readProc(pid: number, name: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

const run = promisify(execFile);
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.*)$/;
const PS_FORMAT = 'pid=,pgid=,sess=,stat=,args=';
const ASSIGNMENT = /\s[A-Za-z_][A-Za-z0-9_]*=/;

/** Asks `ps`, whose lines end in the command followed by the environment. */
export function psProcesses(platform: NodeJS.Platform): ProcessTable {
  const flags = platform === 'darwin' ? ['-A', '-E', '-ww', '-o', PS_FORMAT] : ['axeww', '-o', PS_FORMAT];
  return {
    birthOf: () => undefined,
    async find(query) {
      const { stdout } = await run('ps', flags, { maxBuffer: 64 * 1024 * 1024 });
      return stdout.split('\n').flatMap(line => psEntry(line, query) ?? []);
    },
  };
}

function psEntry(line: string, query: ProcessQuery): ProcessEntry | undefined {
  const [, pid, group, session, state, text] = PS_LINE.exec(line) ?? [];
  if (text === undefined || state === undefined || state.startsWith('Z')) return undefined;
  const ids = { pid: Number(pid), group: Number(group), session: Number(session) };
  const marked = query.mark !== undefined && ` ${text} `.includes(` ${query.mark} `);
  const isNamed = query.pids?.has(ids.pid) === true;
  if (!isNamed && ids.group !== query.group && ids.session !== query.session && !marked) return undefined;
  const environment = text.search(ASSIGNMENT);
  return { ...ids, command: commandText(environment === -1 ? text : text.slice(0, environment), '') };
}

function commandText(line: string, name: string): string {
  const text = readable(line).replace(/\s+/g, ' ').trim();
  return cutToLength(text === '' ? name : text, COMMAND_CHARS);
}
