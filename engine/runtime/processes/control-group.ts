import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';

/**
 * One command's control group of Linux (cgroup v2): whatever a process in it starts is in it as well, also what has left
 * the process group, cleared its environment and lost its parents. See the kernel's `admin-guide/cgroup-v2`.
 */
export interface ControlGroup {
  /** Absolute. */
  readonly folder: string;
  /** Moves a process into it, with what it starts from then on. @throws the system's error. */
  add(pid: number): Promise<void>;
  /** True when surely nothing runs in it, nor in a group below it; zombies do not. Does not block. */
  isEmpty(): boolean;
  /** Returns the processes in it, or in a group below it. */
  pids(): Promise<readonly number[]>;
  /** Kills all of it at once, which no fork can outrun; not on a kernel older than 5.14, which can't. Never rejects. */
  kill(): Promise<void>;
  /** Removes it, where nothing runs in it any more; leaves it otherwise. */
  remove(): Promise<void>;
}

const PREFIX = 'spl-';
/** The age at which an empty group counts as a leftover, in milliseconds. A younger one may be about to be used. */
const LEFTOVER_MS = 60_000;

/**
 * Returns the folder of this process's own control group, in which others can be made. Null where there is no cgroup v2. Only
 * trying shows whether this user may make others there.
 */
export async function ownControlGroup(): Promise<string | null> {
  try {
    const [groups, mounts] = await Promise.all([
      readFile('/proc/self/cgroup', 'utf8'),
      readFile('/proc/self/mountinfo', 'utf8'),
    ]);
    return controlGroupFolder(groups, mounts);
  } catch {
    return null;
  }
}

/**
 * The folder of a process's group, from its `/proc/‹pid›/cgroup` and `mountinfo`; null where it is in no cgroup v2, or in
 * one that is not mounted where this process could see it.
 */
export function controlGroupFolder(groups: string, mounts: string): string | null {
  const group = /^0::(\/.*)$/m.exec(groups)?.[1];
  if (group === undefined) return null;
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    if (!after.startsWith('cgroup2 ')) continue;
    const [, , , root = '', mountPoint = ''] = before.split(' ').map(unescaped);
    const below = posix.relative(root, group);
    if (below !== '..' && !below.startsWith('../')) return posix.join(mountPoint, below);
  }
  return null;
}

/** The kernel writes white space in paths as octal numbers. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Makes a group below `parent` by a name that nothing else has. Null where that can't be. */
export async function makeControlGroup(parent: string | null, id: string): Promise<ControlGroup | null> {
  if (parent === null) return null;
  const folder = join(parent, PREFIX + id);
  try {
    await mkdir(folder);
    return controlGroupAt(folder);
  } catch {
    return null;
  }
}

/** The control group in a folder, which may be gone. */
export function controlGroupAt(folder: string): ControlGroup {
  return {
    folder,
    add: pid => writeFile(join(folder, 'cgroup.procs'), String(pid)),
    isEmpty: () => isUnpopulated(folder),
    pids: async () => (await Promise.all((await foldersOf(folder)).map(pidsIn))).flat(),
    kill: () => writeFile(join(folder, 'cgroup.kill'), '1').catch(() => undefined),
    remove: async () => {
      // The deepest come first.
      for (const each of (await foldersOf(folder)).toReversed()) await removeEmpty(each);
    },
  };
}

function isUnpopulated(folder: string): boolean {
  try {
    return /^populated 0$/m.test(readFileSync(join(folder, 'cgroup.events'), 'latin1'));
  } catch {
    return false;
  }
}

/** Removes what processes that were killed with their guards have left empty below `parent`. */
export async function removeLeftControlGroups(parent: string, now: number): Promise<void> {
  const names = (await readdir(parent)).filter(name => name.startsWith(PREFIX));
  for (const folder of names.map(name => join(parent, name))) {
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < now - LEFTOVER_MS) await removeEmpty(folder);
  }
}

/** The folder and all below it, each after the one that it is in. */
async function foldersOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const inner = entries.filter(entry => entry.isDirectory()).map(({ name }) => foldersOf(join(folder, name)));
  return [folder, ...(await Promise.all(inner)).flat()];
}

async function pidsIn(folder: string): Promise<number[]> {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  // A process that this one can't see, for it is in another namespace, is 0.
  return text
    .split('\n')
    .map(Number)
    .filter(pid => pid > 0);
}

async function removeEmpty(folder: string): Promise<void> {
  // It is busy while something runs in it, and may have been removed by another.
  await rmdir(folder).catch(() => undefined);
}
