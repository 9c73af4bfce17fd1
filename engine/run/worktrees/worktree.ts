import {
  copyFile,
  cp,
  lstat,
  mkdir,
  readlink,
  realpath,
  rm,
  statfs,
  symlink,
  utimes,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { FleetError } from '../../errors.ts';
import type { Work } from '../../fleet/bodies.ts';
import type { WorktreeTable } from '../../home/config.ts';
import { processStart } from '../../home/process.ts';
import { changesIn, checkoutOf, trackedChangesIn, type Checkout } from './checkout.ts';
import { git, gitLines, gitPaths, gitSays, regardless } from './git.ts';
import { inTurn } from './lock.ts';
import { addNested, nestedIn } from './nested.ts';
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
    escape: table.escape ?? 'note',
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
  const checkout = await checkoutOf(dir);
  // Several git at once would read what another is still writing.
  return inTurn(checkout.top, async () => {
    const carried = await dealWithChanges(checkout, occupant, settings.dirty);
    const branch = await freeBranch(dir, await roomFor(dir, occupant));
    return makeOn(branch, { folder, checkout, carried, occupant, settings, now });
  });
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
    // Also where it was ended by who has every git end.
    await regardless(() => discard(folder, name, note));
    throw error;
  }
}

/** The end of an attempt's worktree. */
export interface Closed {
  /** The place of the work; null when nothing was changed, and the worktree is gone. */
  readonly work: Work | null;
  /** The ignored files that went with the worktree. */
  readonly gone: IgnoredFiles | null;
}

/**
 * An attempt has ended: what it left uncommitted is committed to its branch, which then holds all that it did.
 * @param begunAt when it began, in ms since 1970; null where that is not known.
 * @throws WORKER_FAILED where that can't be done; the worktree stays, with all that is in it, and can be removed.
 */
export async function closeWorktree(folder: string, name: string, begunAt: number | null): Promise<Closed> {
  const note = (await readNotes(folder)).get(name);
  if (note === undefined) throw new FleetError('WORKER_FAILED', `the note of worktree '${name}' is gone`);
  const { dir, base, lent } = note;
  try {
    await removeLocks(dir);
    await commitAll(dir, `spl: ${titleOf(note)}`, lent);
    const branch = await branchOfEnd(dir, note.branch);
    const [count = '0'] = await gitLines(dir, 'rev-list', '--count', `${base}..${branch}`);
    if (count !== '0' || (await hasMore(dir, lent))) {
      await writeNote(folder, name, { ...note, branch, state: 'kept' });
      return { work: { branch, base, dir }, gone: null };
    }
  } catch (error) {
    await writeNote(folder, name, { ...note, state: 'left' });
    throw error;
  }
  const gone = await ignoredIn(dir, lent, begunAt ?? note.made_unix * 1000);
  await discard(folder, name, note);
  return { work: null, gone };
}

/** Nothing of the attempt runs any more: a lock that is there is one that a git left which was killed. */
async function removeLocks(dir: string): Promise<void> {
  const own = (await git(dir, 'rev-parse', '--absolute-git-dir')).trim();
  for (const lock of ['index.lock', 'HEAD.lock']) await rm(join(own, lock), { force: true });
}

/** True when changes are there that no commit took: those inside of a submodule. */
async function hasMore(dir: string, lent: readonly string[]): Promise<boolean> {
  const paths = (await changesIn(dir)).map(line => line.slice(3));
  return paths.some(path => !lent.includes(path)) || (await nestedIn(dir)).length > 0;
}

/** Files that git ignores. */
export interface IgnoredFiles {
  readonly count: number;
  readonly bytes: number;
  /** Some of their paths. */
  readonly paths: readonly string[];
}

/** So many ignored files are looked at. */
const MAX_IGNORED = 20_000;
const MAX_NAMED = 3;

/** The ignored files of a worktree that were written since this time, in ms; null for none. */
async function ignoredIn(dir: string, lent: readonly string[], since: number): Promise<IgnoredFiles | null> {
  const paths = await gitPaths(dir, 'ls-files', '--others', '--ignored', '--exclude-standard', '-z');
  let [count, bytes] = [0, 0];
  const named: string[] = [];
  for (const path of paths.slice(0, MAX_IGNORED)) {
    if (lent.some(each => path === each || path.startsWith(`${each}/`))) continue;
    const stats = await lstat(bytesOf(join(dir, path))).catch(() => undefined);
    if (stats === undefined || stats.ctimeMs < since) continue;
    count++;
    bytes += stats.size;
    if (named.length < MAX_NAMED) named.push(Buffer.from(path, 'latin1').toString());
  }
  return count === 0 ? null : { count, bytes, paths: named };
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

/** Carries or stashes uncommitted changes. A checkout that is to have none was refused when the attempts were submitted. */
async function dealWithChanges(
  { top }: Checkout,
  occupant: Occupant,
  how: WorktreeSettings['dirty'],
): Promise<Carried | null> {
  if (how === 'refuse' || (await changesIn(top)).length === 0) return null;
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
    commit: (await trackedChangesIn(top)).length === 0 ? '' : (await git(top, 'stash', 'create')).trim(),
    untracked: await gitPaths(top, 'ls-files', '--others', '--exclude-standard', '-z'),
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
  for (const path of untracked) await copy(bytesOf(join(top, path)), bytesOf(join(root, path)));
  await commitAll(root, `spl: what was not committed when ${titleOf(occupant)} began`, []);
  return (await git(root, 'rev-parse', 'HEAD')).trim();
}

/** The path of a file as the system has it, of one whose bytes are its characters. */
const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');

/** @returns those that were copied. */
async function include(top: string, root: string, paths: readonly string[]): Promise<string[]> {
  const lent: string[] = [];
  for (const path of paths) {
    const there = await lstat(join(top, path)).catch(() => undefined);
    const taken = await lstat(join(root, path)).catch(() => undefined);
    // What git has is as it was committed.
    if (there === undefined || taken !== undefined) continue;
    if (there.isSymbolicLink()) await lendLink(top, root, path);
    else await copy(Buffer.from(join(top, path)), Buffer.from(join(root, path)));
    lent.push(path);
  }
  return lent;
}

/** A link that leads nowhere from the worktree leads to where it does in the checkout, or is the file that it means. */
async function lendLink(top: string, root: string, path: string): Promise<void> {
  const [from, to] = [join(top, path), join(root, path)];
  const target = await readlink(from);
  const meant = resolve(dirname(from), target);
  await mkdir(dirname(to), { recursive: true });
  const stats = await lstat(await realpath(meant).catch(() => meant)).catch(() => undefined);
  const leads = await lstat(resolve(dirname(to), target)).catch(() => undefined);
  if (stats === undefined || isAbsolute(target) || leads !== undefined) return symlink(target, to);
  // A file is copied, so that the attempt does not write into the original.
  if (stats.isDirectory()) return symlink(meant, to);
  await cp(meant, to, { dereference: true, preserveTimestamps: true });
}

async function copy(from: Buffer, to: Buffer): Promise<void> {
  const stats = await lstat(from);
  await mkdir(bytesOf(dirname(to.toString('latin1'))), { recursive: true });
  if (stats.isSymbolicLink()) await symlink(await readlink(from, 'buffer'), to);
  else if (stats.isDirectory())
    await cp(from.toString(), to.toString(), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      mode: 0,
    });
  else {
    await copyFile(from, to);
    await utimes(to, stats.atime, stats.mtime);
  }
}

/**
 * Commits all that is changed or new, but what was only lent to the worktree: also what lies in a repository that was made
 * in it, of which git would take no more than a name. Does nothing where nothing is.
 * @throws WORKER_FAILED where a merge was left with conflicts: their markers are not what anybody wants committed.
 */
async function commitAll(root: string, message: string, lent: readonly string[]): Promise<void> {
  if ((await changesIn(root)).length === 0) return;
  const unmerged = await gitLines(root, 'diff', '--name-only', '--diff-filter=U');
  if (unmerged.length > 0)
    throw new FleetError(
      'WORKER_FAILED',
      `a merge was left with conflicts: ${unmerged.slice(0, 5).join(', ')}`,
      {
        details: { paths: unmerged },
        hint: `Resolve it there: '${root}'.`,
      },
    );
  const nested = await nestedIn(root);
  await git(
    root,
    'add',
    '--all',
    '--sparse',
    '--',
    ':(top)',
    ...nested.map(path => `:(top,exclude,literal)${path}`),
  );
  await addNested(root, nested);
  if (lent.length > 0)
    await git(root, 'reset', '--quiet', '--', ...lent.map(path => `:(top,literal)${path}`));
  if (await gitSays(root, 'diff', '--cached', '--quiet', '--ignore-submodules=none')) return;
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

/** The name that an attempt's branch may have: where a branch stands in the place of a folder of names, beside it. */
async function roomFor(dir: string, { task, index, attempt }: Occupant): Promise<string> {
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

async function freeName(folder: string, branch: string): Promise<string> {
  const wanted = branch.replace(/^spl[^/]*\//, '').replaceAll('/', '-');
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}.${n}`;
    const isTaken = (await lstat(join(folder, name)).catch(() => undefined)) !== undefined;
    const isNoted = (await readNotes(folder)).has(name);
    if (!isTaken && !isNoted) return name;
  }
}

async function freeBranch(dir: string, wanted: string): Promise<string> {
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

function titleOf({ task, index, attempt }: Occupant): string {
  return `${task}, subtask ${index}, attempt ${attempt}`;
}
