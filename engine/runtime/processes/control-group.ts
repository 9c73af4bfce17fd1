import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';

/**
 * The control group of one command on Linux (cgroup v2). It contains all processes that the command starts, also those
 * that left the process group, cleared their environment or lost their parents. See the kernel's
 * `admin-guide/cgroup-v2`.
 */
export interface ControlGroup {
  /** An absolute path. */
  readonly folder: string;
  /** Moves a process into the group, with all processes that it starts later. @throws the system's error. */
  add(pid: number): Promise<void>;
  /** True when certainly no process is in it or in a group below it; zombies do not count. Does not block. */
  isEmpty(): boolean;
  /** Returns the processes in it and in the groups below it. */
  pids(): Promise<readonly number[]>;
  /** Kills all processes at once, which no fork can outrun. Does nothing on a kernel older than 5.14. Never rejects. */
  kill(): Promise<void>;
  /** Removes the group if no process is in it. */
  remove(): Promise<void>;
}

const PREFIX = 'spl-';
/** The age at which an empty group counts as a leftover, in milliseconds. A younger one may not be used yet. */
const LEFTOVER_MS = 60_000;

/**
 * Returns the folder of this process's own control group, in which others can be made. Null without cgroup v2. The user
 * may still lack the permission to make others.
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
 * Returns the folder of a process's group, from its `/proc/‹pid›/cgroup` and `mountinfo`; null without cgroup v2, and
 * when the group is not mounted in view of this process.
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

/** Decodes the octal numbers by which the kernel writes white space in paths. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Returns an unused path for a group below `parent`; null without a parent. */
export const newControlGroup = (parent: string | null): string | null =>
  parent === null ? null : join(parent, PREFIX + randomUUID());

/** Makes a group below `parent` with a unique name. Null when that fails. */
export async function makeControlGroup(parent: string | null): Promise<ControlGroup | null> {
  const folder = newControlGroup(parent);
  if (folder === null) return null;
  try {
    await mkdir(folder);
    return controlGroupAt(folder);
  } catch {
    return null;
  }
}

/** Returns the control group in a folder, which may not exist. */
export function controlGroupAt(folder: string): ControlGroup {
  return {
    folder,
    add: pid => writeFile(join(folder, 'cgroup.procs'), String(pid)),
    isEmpty: () => isUnpopulated(folder),
    pids: async () => (await Promise.all((await foldersOf(folder)).map(pidsIn))).flat(),
    kill: () => writeFile(join(folder, 'cgroup.kill'), '1').catch(() => undefined),
    remove: async () => {
      // The deepest groups come first.
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

/** Removes empty groups below `parent` whose processes were killed with their guards. */
export async function removeStaleControlGroups(parent: string, now: number): Promise<void> {
  const names = (await readdir(parent)).filter(name => name.startsWith(PREFIX));
  for (const folder of names.map(name => join(parent, name))) {
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < now - LEFTOVER_MS) await removeEmpty(folder);
  }
}

/** Returns the folder and all folders below it, each after its parent. */
async function foldersOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const inner = entries.filter(entry => entry.isDirectory()).map(({ name }) => foldersOf(join(folder, name)));
  return [folder, ...(await Promise.all(inner)).flat()];
}

async function pidsIn(folder: string): Promise<number[]> {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  // The kernel lists a process of another namespace as 0.
  return text
    .split('\n')
    .map(Number)
    .filter(pid => pid > 0);
}

async function removeEmpty(folder: string): Promise<void> {
  // The group is busy while a process is in it, and may be removed already.
  await rmdir(folder).catch(() => undefined);
}
