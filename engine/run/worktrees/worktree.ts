import { cp, lstat, mkdir, realpath, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FleetError } from '../../errors.ts';
import type { Work } from '../../fleet/bodies.ts';
import type { WorktreeTable } from '../../home/config.ts';
import { processStart } from '../../home/process.ts';
import { changesIn, checkoutOf, type Checkout } from './checkout.ts';
import { git, gitLines, gitList, gitSays } from './git.ts';
import { readNotes, removeNote, writeNote, type WorktreeNote } from './notes.ts';

/** How much room a disk must have for one worktree more, unless somebody said otherwise. */
const MIN_FREE_BYTES = 512 * 1024 * 1024;

export interface WorktreeSettings {
  /** What becomes of changes that are not committed where the worktree is made of. */
  readonly dirty: 'refuse' | 'stash' | 'carry';
  /** Files that git does not have and the attempt needs, by their paths from the top. */
  readonly include: readonly string[];
  /** A command line that makes a new worktree ready, or null. */
  readonly setup: string | null;
  /** What becomes of an attempt in whose time the checkout itself was changed. */
  readonly escape: 'fail' | 'note';
  readonly min_free_bytes: number;
}

/** The settings of a table, with the defaults for what it leaves out. */
export function worktreeSettings(table: WorktreeTable): WorktreeSettings {
  return {
    dirty: table.dirty ?? 'refuse',
    include: table.include ?? [],
    setup: table.setup ?? null,
    escape: table.escape ?? 'fail',
    min_free_bytes: table.min_free_bytes ?? MIN_FREE_BYTES,
  };
}

/** Whose attempt a worktree is for. */
export interface Occupant {
  readonly task: string;
  readonly index: number;
  readonly attempt: number;
}

export interface Worktree extends Work {
  readonly name: string;
  readonly checkout: Checkout;
  /** The folder in it that answers to the one that was asked for. */
  readonly cwd: string;
}

/**
 * Makes a worktree of the checkout that `dir` is in, on a branch of its own, in `folder`, which is the worker's. What it is
 * about is written down first.
 * @throws WORKER_FAILED, with the way out, when it can't be made; nothing of it is left then.
 */
export async function makeWorktree(
  folder: string,
  dir: string,
  occupant: Occupant,
  settings: WorktreeSettings,
  now: number,
): Promise<Worktree> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await requireRoom(folder, settings.min_free_bytes);
  // Asked at once, since each question costs as much as a small worktree; the first says best what is wrong with the folder.
  const [changes, branch] = [changesIn(dir), freeBranch(dir, branchOf(occupant))];
  for (const question of [changes, branch]) question.catch(() => undefined);
  const checkout = await checkoutOf(dir);
  const carried = await dealWithChanges(checkout, await changes, occupant, settings.dirty);
  return makeOn(await branch, { folder, checkout, carried, occupant, settings, now });
}

/** What a worktree is made of. */
interface Making {
  readonly folder: string;
  readonly checkout: Checkout;
  readonly carried: Carried | null;
  readonly occupant: Occupant;
  readonly settings: WorktreeSettings;
  readonly now: number;
}

async function makeOn(
  branch: string,
  { folder, checkout, carried, occupant, settings, now }: Making,
): Promise<Worktree> {
  const name = await freeName(folder, branch);
  // What tells where one is may not go by a symbolic link, or it would not be found where it says.
  const root = join(await realpath(folder), name);
  const note: WorktreeNote = {
    ...occupant,
    dir: root,
    top: checkout.top,
    branch,
    base: checkout.head,
    lent: [],
    state: 'making',
    pid: process.pid,
    pid_start: processStart(process.pid),
    made_unix: now / 1000,
  };
  await writeNote(folder, name, note);
  try {
    await git(checkout.top, 'worktree', 'add', '--quiet', '--no-track', '-b', branch, root, checkout.head);
    const base = carried === null ? checkout.head : await carryOver(checkout, root, carried, occupant);
    const lent = await include(checkout.top, root, settings.include);
    const cwd = join(root, checkout.prefix);
    await mkdir(cwd, { recursive: true });
    await writeNote(folder, name, { ...note, base, lent, state: 'used' });
    return { name, checkout, cwd, branch, base, dir: root };
  } catch (error) {
    await discard(folder, name, note);
    throw error;
  }
}

/**
 * An attempt has ended: what it left uncommitted is committed to its branch, which then holds all that it did.
 * @returns where that is; null when it changed nothing, and then nothing of the worktree is left.
 */
export async function closeWorktree(folder: string, name: string): Promise<Work | null> {
  const note = (await readNotes(folder)).get(name);
  if (note === undefined) throw new FleetError('WORKER_FAILED', `the note of worktree '${name}' is gone`);
  const { dir, base, lent } = note;
  await commitAll(dir, `spl: ${titleOf(note)}`, lent);
  const branch = await branchOfEnd(dir, note.branch);
  const [count = '0'] = await gitLines(dir, 'rev-list', '--count', `${base}..${branch}`);
  if (count === '0') {
    await discard(folder, name, note);
    return null;
  }
  await writeNote(folder, name, { ...note, branch, state: 'kept' });
  return { branch, base, dir };
}

/** Takes down a worktree that holds nothing of an attempt: with its branch, unless that has moved since one began. */
export async function discard(folder: string, name: string, note: WorktreeNote): Promise<void> {
  const { top, dir, branch, base } = note;
  // Git refuses what it does not know; what a crash left half made is not known to it.
  await git(top, 'worktree', 'remove', '--force', '--force', dir).catch(() =>
    rm(dir, { recursive: true, force: true }),
  );
  await git(top, 'worktree', 'prune').catch(() => undefined);
  const tip = await git(top, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}`).catch(() => '');
  if (note.state === 'making' || tip.trim() === base)
    await git(top, 'branch', '-D', '--quiet', branch).catch(() => undefined);
  await removeNote(folder, name);
}

async function requireRoom(folder: string, wanted: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= wanted) return;
  throw new FleetError(
    'WORKER_FAILED',
    `the disk has ${mebibytes(free)} MiB left for a worktree in '${folder}', and ${mebibytes(wanted)} MiB are wanted`,
    {
      details: { folder, free_bytes: free, min_free_bytes: wanted },
      hint: 'Make room, remove worktrees (spl worktree list), or lower [worktree] min_free_bytes in config.toml.',
    },
  );
}

const mebibytes = (bytes: number): number => Math.floor(bytes / (1024 * 1024));

/** What is carried along: a commit that holds the tracked changes, and the files that git does not have. */
interface Carried {
  readonly commit: string;
  readonly untracked: readonly string[];
}

async function dealWithChanges(
  { top }: Checkout,
  changes: readonly string[],
  occupant: Occupant,
  how: WorktreeSettings['dirty'],
): Promise<Carried | null> {
  if (changes.length === 0) return null;
  if (how === 'refuse') {
    const names = changes.slice(0, 3).map(line => line.slice(3));
    throw new FleetError(
      'WORKER_FAILED',
      `'${top}' has changes that are not committed, which a worktree would be without: ${names.join(', ')}${changes.length > 3 ? `, and ${changes.length - 3} more` : ''}`,
      {
        details: { top, changes: changes.length },
        hint: 'Commit them, or choose in config.toml: [worktree] dirty = "carry" takes them along, "stash" puts them away.',
      },
    );
  }
  if (how === 'stash') {
    await git(
      top,
      'stash',
      'push',
      '--quiet',
      '--include-untracked',
      '-m',
      `spl: before ${titleOf(occupant)}`,
    );
    return null;
  }
  return {
    commit: (await git(top, 'stash', 'create')).trim(),
    untracked: await gitList(top, 'ls-files', '--others', '--exclude-standard', '-z'),
  };
}

/** @returns the commit that holds what was carried: the attempt begins there. */
async function carryOver(
  { top }: Checkout,
  root: string,
  { commit, untracked }: Carried,
  occupant: Occupant,
): Promise<string> {
  if (commit !== '') await git(root, 'stash', 'apply', '--quiet', commit);
  for (const path of untracked) await copy(join(top, path), join(root, path));
  await commitAll(root, `spl: what was not committed when ${titleOf(occupant)} began`, []);
  return (await git(root, 'rev-parse', 'HEAD')).trim();
}

/** @returns those that were copied. */
async function include(top: string, root: string, paths: readonly string[]): Promise<string[]> {
  const lent: string[] = [];
  for (const path of paths) {
    const there = await lstat(join(top, path)).catch(() => undefined);
    const taken = await lstat(join(root, path)).catch(() => undefined);
    // What git has is as it was committed.
    if (there === undefined || taken !== undefined) continue;
    await copy(join(top, path), join(root, path));
    lent.push(path);
  }
  return lent;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, mode: 0 });
}

/** Commits all that is changed or new, but what was only lent to the worktree. Does nothing where nothing is. */
async function commitAll(root: string, message: string, lent: readonly string[]): Promise<void> {
  if ((await changesIn(root)).length === 0) return;
  await git(root, 'add', '--all');
  if (lent.length > 0)
    await git(root, 'reset', '--quiet', '--', ...lent.map(path => `:(top,literal)${path}`));
  if (await gitSays(root, 'diff', '--cached', '--quiet')) return;
  const known = await gitSays(root, 'config', 'user.email');
  const author = known ? [] : ['-c', 'user.name=spl', '-c', 'user.email=spl@localhost'];
  await git(root, ...author, 'commit', '--quiet', '--no-verify', '-m', message);
}

/** The branch that holds the end of the work: an attempt may have gone to another one, or to none. */
async function branchOfEnd(dir: string, branch: string): Promise<string> {
  const [head = '', tip = ''] = await gitLines(dir, 'rev-parse', 'HEAD', `refs/heads/${branch}`).catch(() =>
    gitLines(dir, 'rev-parse', 'HEAD'),
  );
  if (head === tip) return branch;
  const ahead = tip === '' || (await gitSays(dir, 'merge-base', '--is-ancestor', tip, head));
  const name = ahead ? branch : await freeBranch(dir, `${branch}-end`);
  await git(dir, 'update-ref', `refs/heads/${name}`, head);
  return name;
}

const branchOf = ({ task, index, attempt }: Occupant): string => `spl/${refPart(task)}/${index}-${attempt}`;

async function freeName(folder: string, branch: string): Promise<string> {
  const wanted = branch.replace(/^spl\//, '').replaceAll('/', '-');
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}.${n}`;
    const isTaken = (await lstat(join(folder, name)).catch(() => undefined)) !== undefined;
    const isNoted = (await readNotes(folder)).has(name);
    if (!isTaken && !isNoted) return name;
  }
}

async function freeBranch(dir: string, wanted: string): Promise<string> {
  const beside = `refs/heads/${dirname(wanted)}/`;
  const taken = new Set(await gitLines(dir, 'for-each-ref', '--format=%(refname:lstrip=2)', beside));
  for (let n = 1; ; n++) {
    const branch = n === 1 ? wanted : `${wanted}.${n}`;
    if (!taken.has(branch)) return branch;
  }
}

/** An alias as a part of a branch's name, which may not begin or end in a dot, hold two, or end in `.lock`. */
function refPart(alias: string): string {
  return alias
    .replace(/\.{2,}/g, '.')
    .replace(/^\.|\.$/g, '')
    .replace(/\.lock$/, '-lock');
}

function titleOf({ task, index, attempt }: Occupant): string {
  return `${task}, subtask ${index}, attempt ${attempt}`;
}
