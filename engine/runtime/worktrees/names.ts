import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gitLines } from '../git/git.ts';
import { readNotes } from './notes.ts';

/** The attempt that a worktree belongs to. */
export interface WorktreeOwner {
  readonly task: string;
  readonly index: number;
  readonly attempt: number;
}

export function titleOf({ task, index, attempt }: WorktreeOwner): string {
  return `${task}, subtask ${index}, attempt ${attempt}`;
}

/**
 * Returns a free name for the branch of an attempt: another branch may have the name, or the name of one of its
 * folders.
 */
export async function branchFor(dir: string, { task, index, attempt }: WorktreeOwner): Promise<string> {
  const alias = branchPart(task);
  const patterns = ['spl*', `spl*/${alias}*`, `spl*/${alias}*/**`].map(pattern => `refs/heads/${pattern}`);
  const taken = new Set(await gitLines(dir, 'for-each-ref', '--format=%(refname:lstrip=2)', ...patterns));
  const first = firstFree('spl', name => taken.has(name));
  const folder = firstFree(`${first}/${alias}`, name => taken.has(name));
  return freeName(`${folder}/${index}-${attempt}`, taken);
}

/** Returns a free name like that of a branch that an attempt left. */
export async function branchBeside(dir: string, branch: string): Promise<string> {
  const around = `refs/heads/${dirname(branch)}/`;
  const taken = await gitLines(dir, 'for-each-ref', '--format=%(refname:lstrip=2)', around);
  return freeName(`${branch}-end`, new Set(taken));
}

const freeName = (wanted: string, taken: ReadonlySet<string>): string =>
  firstFree(wanted, name => taken.has(name) || [...taken].some(each => each.startsWith(`${name}/`)));

/** Returns the wanted name, or the first free one with a number after it. */
function firstFree(wanted: string, isTaken: (name: string) => boolean): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}.${n}`;
    if (!isTaken(name)) return name;
  }
}

/** Returns the name for the worktree of a branch in its folder. */
export async function worktreeName(folder: string, branch: string): Promise<string> {
  const notes = await readNotes(folder);
  const names = new Set([...notes.keys(), ...(await readdir(folder))]);
  return firstFree(branch.replace(/^spl[^/]*\//, '').replaceAll('/', '-'), name => names.has(name));
}

/**
 * Makes an alias a valid part of a branch's name, which may not begin or end in a dot, have two dots, or end in
 * `.lock`.
 */
function branchPart(alias: string): string {
  return alias
    .replace(/\.{2,}/g, '.')
    .replace(/^\.|\.$/g, '')
    .replace(/\.lock$/, '-lock');
}
