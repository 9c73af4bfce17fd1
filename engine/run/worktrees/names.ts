import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gitLines, gitSays } from './git.ts';
import { readNotes } from './notes.ts';

/** Whose attempt a worktree is for. */
export interface Occupant {
  readonly task: string;
  readonly index: number;
  readonly attempt: number;
}

export function titleOf({ task, index, attempt }: Occupant): string {
  return `${task}, subtask ${index}, attempt ${attempt}`;
}

/** The name that an attempt's branch may have: where a branch stands in the place of a folder of names, beside it. */
export async function roomFor(dir: string, { task, index, attempt }: Occupant): Promise<string> {
  const first = await freeFolder(dir, 'spl');
  const folder = await freeFolder(dir, `${first}/${refPart(task)}`);
  return `${folder}/${index}-${attempt}`;
}

async function freeFolder(dir: string, wanted: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}.${n}`;
    if (!(await gitSays(dir, 'show-ref', '--verify', '--quiet', `refs/heads/${name}`))) return name;
  }
}

/** The name that a worktree of a branch may have in its folder. */
export async function freeName(folder: string, branch: string): Promise<string> {
  const wanted = branch.replace(/^spl[^/]*\//, '').replaceAll('/', '-');
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}.${n}`;
    const isTaken = (await lstat(join(folder, name)).catch(() => undefined)) !== undefined;
    const isNoted = (await readNotes(folder)).has(name);
    if (!isTaken && !isNoted) return name;
  }
}

/** The name of a branch that no other stands in the way of: the wanted one, or one beside it. */
export async function freeBranch(dir: string, wanted: string): Promise<string> {
  const beside = `refs/heads/${dirname(wanted)}/`;
  const taken = await gitLines(dir, 'for-each-ref', '--format=%(refname:lstrip=2)', beside);
  for (let n = 1; ; n++) {
    const branch = n === 1 ? wanted : `${wanted}.${n}`;
    if (!taken.some(name => name === branch || name.startsWith(`${branch}/`))) return branch;
  }
}

/** An alias as a part of a branch's name, which may not begin or end in a dot, hold two, or end in `.lock`. */
function refPart(alias: string): string {
  return alias
    .replace(/\.{2,}/g, '.')
    .replace(/^\.|\.$/g, '')
    .replace(/\.lock$/, '-lock');
}
