import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { cutToLength, readable } from './summary.ts';

/** One process that runs; what has ended and waits for its parent (a zombie) is not listed. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** For people: the command line where it can be read, at most 200 characters. */
  readonly command: string;
}

/** Which processes to look for: those which match any of the first three. */
export interface ProcessQuery {
  readonly group?: number;
  readonly session?: number;
  /** A `NAME=value` in the environment that the process was started with. */
  readonly mark?: string;
  /**
   * The pid of a process that was started at most a second ago: it and what was started after it are looked at, and
   * not every process of the machine.
   */
  readonly since?: number;
}

/** The table of this machine's processes, as far as this user may see it. */
export interface ProcessTable {
  /** The matching processes in no particular order. Processes that end meanwhile are left out. */
  find(query: ProcessQuery): Promise<ProcessEntry[]>;
}

const COMMAND_CHARS = 200;
/** How many processes are read at once: the file reads share a small pool of threads with everybody else. */
const READERS = 4;

/** The table of the machine that this program runs on. */
export function processTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === 'linux' ? linuxProcesses : psProcesses(platform);
}

/** Reads `/proc`. */
export const linuxProcesses: ProcessTable = {
  async find(query) {
    const pids = await candidates(query.since);
    const found: ProcessEntry[] = [];
    const next = pids.values();
    const reader = async (): Promise<void> => {
      for (const pid of next) {
        const entry = await readEntry(pid, query);
        if (entry !== undefined) found.push(entry);
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    return found;
  },
};

async function candidates(since: number | undefined): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  if (since === undefined) return pids;
  // The last field is the pid given out last. Below `since`, the numbers have begun anew meanwhile.
  const lastPid = Number((await readFile('/proc/loadavg', 'latin1')).trim().split(' ').at(-1));
  return lastPid >= since ? pids.filter(pid => pid >= since) : pids;
}

async function readEntry(pid: number, query: ProcessQuery): Promise<ProcessEntry | undefined> {
  const stat = await readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // The name stands in parentheses and may hold any character, parentheses and spaces included.
  const nameEnd = stat.lastIndexOf(')');
  const [state, , group, session] = stat.slice(nameEnd + 2).split(' ');
  if (state === 'Z' || state === 'X' || state === undefined) return undefined;
  const ids = { pid, group: Number(group), session: Number(session) };
  if (!matchesIds(ids, query) && !(await hasMark(pid, query.mark))) return undefined;
  const line = (await readProc(pid, 'cmdline')) ?? '';
  const name = stat.slice(stat.indexOf('(') + 1, nameEnd);
  return { ...ids, command: commandText(line.replaceAll('\0', ' '), name) };
}

async function hasMark(pid: number, mark: string | undefined): Promise<boolean> {
  if (mark === undefined) return false;
  const environment = await readProc(pid, 'environ');
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
  if (!matchesIds(ids, query) && !marked) return undefined;
  const environment = text.search(ASSIGNMENT);
  return { ...ids, command: commandText(environment === -1 ? text : text.slice(0, environment), '') };
}

function matchesIds(ids: { group: number; session: number }, query: ProcessQuery): boolean {
  return ids.group === query.group || ids.session === query.session;
}

function commandText(line: string, name: string): string {
  const text = readable(line).replace(/\s+/g, ' ').trim();
  return cutToLength(text === '' ? name : text, COMMAND_CHARS);
}
