import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '../../errors.ts';
import type { Work } from '../../domain/model/record-bodies.ts';
import { changesIn, commonFolderOf, conflictsIn, type Change } from './checkout.ts';
import {
  bytesOf,
  charactersOf,
  git,
  gitLines,
  gitPaths,
  gitPathsWith,
  gitSucceeds,
  gitWith,
  withFileModes,
  isThere,
  listOf,
  readable,
} from '../git/git.ts';
import { isIncluded } from './included-files.ts';
import { branchBeside, titleOf } from './names.ts';
import { indexOf, onlyCopiesIn, untrackedIn, type Entry, type Held, type Untracked } from './nested.ts';
import { readNotes, removeNote, writeNote, type WorktreeNote } from './notes.ts';
import { addAll, authorOptions, treeOf, withTemporaryIndex } from './temporary-index.ts';

/** The end of an attempt's worktree. */
export interface Closed {
  /** The place of the work; null when nothing was changed and the worktree was removed. */
  readonly work: Work | null;
  /** The ignored files that were removed with the worktree. */
  readonly gone: IgnoredFiles | null;
  /**
   * The new files that only the user's configuration of git ignores. They are on no branch, and the worktree is kept
   * for them.
   */
  readonly hidden: readonly string[];
  /** The committed files that contain conflict markers. */
  readonly marked: readonly string[];
}

/**
 * Records the content of a worktree before its attempt begins: files from the set-up are not the attempt's work.
 * @param now in ms since 1970
 */
export async function markStarted(
  folder: string,
  name: string,
  isSetUp: boolean,
  now: number,
): Promise<void> {
  const note = await noteOf(folder, name);
  const { dir } = note;
  const begun = { ...note, begun_unix: now / 1000 };
  if (!isSetUp) return writeNote(folder, name, begun);
  const made = await withFileModes(dir, () => withTemporaryIndex(dir, folder, given => treeOf(dir, given)));
  const copies = Object.fromEntries(await onlyCopiesIn(dir));
  await writeNote(folder, name, { ...begun, made, copies });
}

/**
 * Commits the uncommitted work of an ended attempt to its branch, which then has all of it.
 * @throws WORKER_FAILED when that fails; the worktree is kept with its content, and can be removed.
 */
export async function closeWorktree(folder: string, name: string): Promise<Closed> {
  const note = await noteOf(folder, name);
  return withFileModes(note.dir, () => close(folder, name, note));
}

async function close(folder: string, name: string, note: WorktreeNote): Promise<Closed> {
  const { dir, base } = note;
  let untracked: Untracked;
  try {
    await removeLocks(note, await requireOwn(note));
    const [index, seen] = await Promise.all([indexOf(dir), changesIn(dir)]);
    const changes = (await showHidden(dir, index)) ? await changesIn(dir) : seen;
    const isClean = changes.length === 0;
    if (!isClean) await commitAll(folder, note, changes);
    const { branch, tip } = await branchOfEnd(note);
    untracked = await untrackedIn(dir);
    const hidden = await hiddenIn(folder, note, untracked);
    const held = isClean ? { untracked, index } : undefined;
    if (tip !== base || hidden.length > 0 || (await holdsMore(folder, note, held))) {
      await writeNote(folder, name, { ...note, branch, state: 'kept' });
      return { work: { branch, base, dir }, gone: null, hidden, marked: await markedIn(dir, base, tip) };
    }
  } catch (error) {
    const { branch } = await withHead(note).catch(() => note);
    await writeNote(folder, name, { ...note, branch, state: 'left' });
    throw error;
  }
  const gone = await ignoredIn(note, untracked);
  await discard(folder, name, note);
  return { work: null, gone, hidden: [], marked: [] };
}

async function noteOf(folder: string, name: string): Promise<WorktreeNote> {
  const note = (await readNotes(folder)).get(name);
  if (note === undefined) throw new FleetError('WORKER_FAILED', `the note of worktree '${name}' is gone`);
  return note;
}

/** The folders of a worktree's own git data, and of the data that it shares. */
interface GitFolders {
  readonly own: string;
  readonly common: string;
}

/**
 * Checks that git, called in a worktree's folder, works on that worktree. If an attempt removed its `.git`, git would
 * work on the repository that contains the folder.
 * @throws WORKER_FAILED when it does not.
 */
export async function requireOwn(note: WorktreeNote): Promise<GitFolders> {
  const { dir, top } = note;
  if (!(await isThere(dir)))
    throw new FleetError('WORKER_FAILED', 'the folder of the worktree is gone', { details: { dir } });
  let found = await foldersOf(note);
  if (found === undefined) {
    await git(top, 'worktree', 'repair', dir).catch(() => undefined);
    found = await foldersOf(note);
  }
  if (found !== undefined) return found;
  throw new FleetError('WORKER_FAILED', `its '.git' no longer leads to '${top}'`, {
    details: { dir, top },
    hint: `Copy what you need from '${dir}', then remove it with --force.`,
  });
}

async function foldersOf({ dir, top, common }: WorktreeNote): Promise<GitFolders | undefined> {
  const options = ['--path-format=absolute', '--git-common-dir', '--show-toplevel', '--absolute-git-dir'];
  const [shared, root, own] = await gitLines(dir, 'rev-parse', ...options).catch(() => []);
  const isOwn = root === dir && shared === (common ?? (await commonFolderOf(top)));
  return isOwn && own !== undefined ? { own, common: shared } : undefined;
}

/** Removes the locks that a killed git left: no process of the attempt is running. */
async function removeLocks({ branch }: WorktreeNote, { own, common }: GitFolders): Promise<void> {
  const locks = [
    join(own, 'index.lock'),
    join(own, 'HEAD.lock'),
    join(common, 'refs/heads', `${branch}.lock`),
  ];
  for (const lock of locks) await rm(lock, { force: true });
}

/**
 * Clears the index flags that make git skip files: only the attempt can have set them.
 * @returns true when there were some, so that git may now see more changes.
 */
async function showHidden(dir: string, index: readonly Entry[]): Promise<boolean> {
  const hidden: string[] = [];
  for (const { tag, path } of index) {
    if (tag === 'H' || tag === 'M') continue;
    // A file that does not exist is outside of a sparse checkout.
    const isSparse = tag.toUpperCase() === 'S' && !(await isThere(bytesOf(join(charactersOf(dir), path))));
    if (!isSparse) hidden.push(path);
  }
  if (hidden.length === 0) return false;
  for (const word of ['--no-skip-worktree', '--no-assume-unchanged'])
    await gitWith(dir, { input: listOf(hidden) }, 'update-index', word, '-z', '--stdin');
  return true;
}

/**
 * Commits all changed and new files, except those that were lent to the worktree and those that are as the set-up made
 * them.
 * @throws WORKER_FAILED when a merge has conflicts: their markers should not be committed.
 */
async function commitAll(folder: string, note: WorktreeNote, changes: readonly Change[]): Promise<void> {
  const { dir } = note;
  const conflicts = conflictsIn(changes);
  if (conflicts.length > 0)
    throw new FleetError(
      'WORKER_FAILED',
      `a merge was left with conflicts: ${conflicts.slice(0, 5).join(', ')}`,
      { details: { paths: conflicts }, hint: `Resolve the conflicts in '${dir}'.` },
    );
  const spared = [...note.lent, ...(await unchangedSinceSetUp(folder, note))];
  await addAll(dir);
  if (spared.length > 0) {
    const input = listOf(spared.map(path => `:(top,literal)${path}`));
    await gitWith(dir, { input }, 'reset', '--quiet', '--pathspec-from-file=-', '--pathspec-file-nul');
  }
  const isStaged = ['--cached', '--quiet', '--no-ext-diff', '--ignore-submodules=none'];
  if (await gitSucceeds(dir, 'diff', ...isStaged)) return;
  const author = await authorOptions(dir);
  await git(dir, ...author, 'commit', '--quiet', '--no-verify', '-m', `spl: ${titleOf(note)}`);
}

const NAMES = ['--name-only', '--no-renames', '--no-ext-diff', '--ignore-submodules=none', '-z'];

/** Returns the paths that have not changed since the set-up. */
async function unchangedSinceSetUp(
  folder: string,
  { dir, base, made }: WorktreeNote,
): Promise<ReadonlySet<string>> {
  if (made === null) return new Set();
  const paths = new Set(await gitPaths(dir, 'diff', ...NAMES, base, made));
  if (paths.size === 0) return paths;
  const changed = await withTemporaryIndex(dir, folder, async given => {
    await addAll(dir, given);
    return gitPathsWith(dir, given, 'diff', '--cached', ...NAMES, made);
  });
  for (const path of changed) paths.delete(path);
  return paths;
}

/** Returns the paths of a worktree, as readable text, with changes of its attempt that are in no commit. */
export async function uncommittedIn(folder: string, note: WorktreeNote): Promise<string[]> {
  const paths = (await changesIn(note.dir)).map(({ path }) => path);
  const changes = paths.filter(path => !isIncluded(path, note.lent));
  if (changes.length === 0) return [];
  const made = await unchangedSinceSetUp(folder, note);
  // Git lists a nested repository by its folder alone; its state shows changes in it.
  const isMade = (path: string): boolean =>
    made.has(path) || (path.endsWith('/') && [...made].some(each => each.startsWith(path)));
  return changes.filter(path => !isMade(path)).map(readable);
}

/**
 * True when a nested repository has something that no commit of the worktree contains: changes inside of a submodule,
 * or commits of its own.
 * @param clean the content before any change
 */
async function holdsMore(folder: string, note: WorktreeNote, clean: Held | undefined): Promise<boolean> {
  if (clean === undefined && (await uncommittedIn(folder, note)).length > 0) return true;
  return (await ownCopiesIn(note, clean)).length > 0;
}

/**
 * Returns the nested repositories, as readable text, in which an attempt left something that no other repository has.
 */
export async function ownCopiesIn(note: WorktreeNote, held?: Held): Promise<string[]> {
  const copies = await onlyCopiesIn(note.dir, held);
  return [...copies].filter(([name, state]) => note.copies[name] !== state).map(([name]) => name);
}

/**
 * Returns the new files of an attempt, as readable text, that the user's configuration of git ignores and no
 * `.gitignore` does.
 */
export async function hiddenIn(folder: string, note: WorktreeNote, untracked: Untracked): Promise<string[]> {
  const files = untracked.hidden.filter(path => !path.endsWith('/'));
  if (files.length === 0) return [];
  const made = await unchangedSinceSetUp(folder, note);
  const found = await writtenByIt(
    note,
    files.filter(path => !made.has(path)),
  );
  return found.map(({ path }) => readable(path));
}

/** Returns the ignored files that would be removed with a worktree; null when there are none or git fails. */
export async function ignoredOf(note: WorktreeNote): Promise<IgnoredFiles | null> {
  try {
    await requireOwn(note);
    return await ignoredIn(note, await untrackedIn(note.dir));
  } catch {
    return null;
  }
}

/** Files that git ignores. */
export interface IgnoredFiles {
  readonly count: number;
  readonly bytes: number;
  /** Some of their paths. */
  readonly paths: readonly string[];
}

const MAX_NAMED = 3;

/** Returns the ignored files that an attempt has written; null for none. */
async function ignoredIn(note: WorktreeNote, { ignored }: Untracked): Promise<IgnoredFiles | null> {
  const written = await writtenByIt(note, ignored);
  if (written.length === 0) return null;
  const bytes = written.reduce((sum, { size }) => sum + size, 0);
  const named = written.slice(0, MAX_NAMED).map(({ path }) => readable(path));
  return { count: written.length, bytes, paths: named };
}

/** The maximum number of files to check. */
const MAX_LOOKED_AT = 20_000;

interface Written {
  readonly path: string;
  readonly size: number;
}

/** Returns the paths that were not lent, and were written since the attempt began. */
async function writtenByIt(note: WorktreeNote, paths: readonly string[]): Promise<Written[]> {
  const since = (note.begun_unix ?? note.made_unix) * 1000;
  const written: Written[] = [];
  for (const path of paths.slice(0, MAX_LOOKED_AT)) {
    if (isIncluded(path, note.lent)) continue;
    const stats = await lstat(bytesOf(join(charactersOf(note.dir), path))).catch(() => undefined);
    if (stats !== undefined && stats.ctimeMs >= since) written.push({ path, size: stats.size });
  }
  return written;
}

/** Returns the files, as readable text, that an attempt has committed with conflict markers. */
async function markedIn(dir: string, base: string, tip: string): Promise<string[]> {
  const options = ['--diff-filter=AM', '--no-textconv', ...NAMES];
  // Searches only added and removed lines, so that the rest of a large repository is not read.
  const touched = await gitPaths(dir, 'diff', ...options, '-G^(<<<<<<<|>>>>>>>) ', base, tip);
  const marked: string[] = [];
  for (const path of touched.map(readable)) {
    const lines = ['-e', '^<<<<<<< ', '-e', '^>>>>>>> '];
    if (
      await gitSucceeds(dir, 'grep', '--quiet', '--all-match', ...lines, tip, '--', `:(top,literal)${path}`)
    )
      marked.push(path);
  }
  return marked;
}

/**
 * Returns the branch with the end of the work, and its commit. An attempt may have switched to another branch, or to
 * none.
 */
async function branchOfEnd({ dir, branch }: WorktreeNote): Promise<{ branch: string; tip: string }> {
  const [head = '', tip = ''] = await gitLines(dir, 'rev-parse', 'HEAD', `refs/heads/${branch}`).catch(() =>
    gitLines(dir, 'rev-parse', 'HEAD'),
  );
  return { branch: head === tip ? branch : await branchWith(dir, branch, tip, head), tip: head };
}

/**
 * Makes a branch end with a commit: the given one if it loses nothing, else a new one with a similar name.
 * @param tip the end of the branch now; empty when there is no branch
 * @returns the name of the branch.
 */
async function branchWith(dir: string, branch: string, tip: string, head: string): Promise<string> {
  const ahead = tip === '' || (await gitSucceeds(dir, 'merge-base', '--is-ancestor', tip, head));
  const name = ahead ? branch : await branchBeside(dir, branch);
  await git(dir, 'update-ref', `refs/heads/${name}`, head);
  return name;
}

/**
 * Puts the commit that a worktree has checked out on a branch, unless a branch has it: git drops it with the worktree,
 * also when the folder is gone already.
 * @returns the note, with that branch.
 */
export async function withHead(note: WorktreeNote): Promise<WorktreeNote> {
  const { top, dir, branch } = note;
  const entries = (await gitPaths(top, 'worktree', 'list', '--porcelain', '-z')).map(readable);
  const head = entries[entries.indexOf(`worktree ${dir}`) + 1];
  const [, commit] = /^HEAD (.*[^0].*)$/.exec(head ?? '') ?? [];
  if (!entries.includes(`worktree ${dir}`) || commit === undefined) return note;
  const holding = ['--count=1', '--contains', commit, 'refs/heads', 'refs/remotes', 'refs/tags'];
  if ((await git(top, 'for-each-ref', ...holding)) !== '') return note;
  const [tip = ''] = await gitLines(top, 'rev-parse', '--verify', `refs/heads/${branch}`).catch(() => []);
  return { ...note, branch: await branchWith(top, branch, tip, commit) };
}

/** Removes a worktree without work, and its branch unless an attempt has moved it. */
export async function discard(folder: string, name: string, note: WorktreeNote): Promise<void> {
  const { top, dir, branch, base } = note;
  if (await isThere(top)) {
    await removeFolderAndEntry(top, dir);
    const tip = await git(top, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}`).catch(() => '');
    // Git rejects a branch that another worktree uses now.
    if (tip.trim() === base) await git(top, 'branch', '-D', '--quiet', branch).catch(() => undefined);
  } else await rm(dir, { recursive: true, force: true });
  await removeNote(folder, name);
}

/** Removes a worktree's folder and its entry in the repository, and nothing of other worktrees. */
export async function removeFolderAndEntry(top: string, dir: string): Promise<void> {
  const remove = ['worktree', 'remove', '--force', '--force', dir];
  try {
    await git(top, ...remove);
  } catch {
    // Git rejects a half-made worktree of a crash, and a folder with another `.git`.
    await rm(dir, { recursive: true, force: true });
    await git(top, ...remove).catch(() => undefined);
  }
}
