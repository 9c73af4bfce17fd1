import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError, messageOf } from '../../errors.ts';
import { commonFolderOf } from './checkout.ts';
import {
  closeWorktree,
  discard,
  hiddenIn,
  ignoredOf,
  ownCopiesIn,
  requireOwn,
  removeFolderAndEntry,
  uncommittedIn,
  withHead,
  type IgnoredFiles,
} from './closing.ts';
import { gitSucceeds, git, withFileModes, isThere } from '../git/git.ts';
import { withRepositoryLock } from '../git/repository-lock.ts';
import { untrackedIn } from './nested.ts';
import { readNotes, removeNote, writeNote, type WorktreeNote } from './notes.ts';
import { removeTemporaryIndexes } from './temporary-index.ts';

/**
 * Recovers the worktrees of a crashed worker. Call it while no attempt of this home runs. Half-made worktrees are
 * removed. The work of an attempt is put on its branch, and a worktree with work is kept as `left`.
 * @param complain receives the problems with worktrees that are kept as they are
 */
export async function recoverWorktrees(folder: string, complain: (what: string) => void): Promise<void> {
  await removeTemporaryIndexes(folder);
  for (const [name, note] of await readNotes(folder)) {
    try {
      if (note.state === 'making') await discardMade(folder, name, note);
      else if (note.state === 'used') await keepLeft(folder, name);
    } catch (error) {
      complain(`worktree '${note.dir}': ${messageOf(error)}`);
    }
  }
}

/** Discards a half-made worktree, whose repository may be gone. */
async function discardMade(folder: string, name: string, note: WorktreeNote): Promise<void> {
  const work = (): Promise<void> => discard(folder, name, note);
  return (await isThere(note.top)) ? withRepositoryLock(await commonFolderOf(note.top), work) : work();
}

async function keepLeft(folder: string, name: string): Promise<void> {
  if ((await closeWorktree(folder, name)).work === null) return;
  const note = (await readNotes(folder)).get(name);
  if (note !== undefined) await writeNote(folder, name, { ...note, state: 'left' });
}

/** The outcome of the removal of a worktree. */
export interface Removed {
  readonly branch: string;
  /** True when the branch was kept because nothing else has its content. */
  readonly branchKept: boolean;
  /** The ignored files of its attempt that were removed with it. */
  readonly gone: IgnoredFiles | null;
}

/**
 * Removes a worktree, and its branch if another branch has all of its content.
 * @param force also removes the branch, and uncommitted changes
 * @param isRunning true while its attempt runs
 * @throws NOT_FOUND; CONFLICT when it is in use, has uncommitted changes, can't be read, or its repository is gone.
 */
export async function removeWorktree(
  folder: string,
  name: string,
  force: boolean,
  isRunning: (note: WorktreeNote) => boolean = () => true,
): Promise<Removed> {
  const note = await endedNote(folder, name, isRunning);
  const { top, dir } = note;
  if (!(await isThere(join(top, '.git')))) return removeOrphan(folder, name, note, force);
  if (!force && (await isThere(dir))) await requireClean(folder, note);
  return withRepositoryLock(await commonFolderOf(top), async () => {
    const held = force ? note : await withHead(note);
    const { branch } = held;
    const gone = await ignoredOf(note);
    // IncludedFiles files are untracked, so that git removes the worktree only by force.
    await removeFolderAndEntry(top, dir);
    const branchKept = !force && !(await isHeldElsewhere(held));
    if (!branchKept) await git(top, 'branch', '-D', '--quiet', branch).catch(() => undefined);
    await removeNote(folder, name);
    return { branch, branchKept, gone };
  });
}

/** Returns the note of a worktree in which no attempt works. A note in use may belong to an attempt that has ended. */
async function endedNote(
  folder: string,
  name: string,
  isRunning: (note: WorktreeNote) => boolean,
): Promise<WorktreeNote> {
  const note = (await readNotes(folder)).get(name);
  if (note === undefined)
    throw new FleetError('NOT_FOUND', `no worktree is named '${name}'`, { details: { name } });
  const isInUse = note.state === 'making' || note.state === 'used';
  if (!isInUse || !isRunning(note)) return note;
  throw new FleetError('CONFLICT', `an attempt is running in '${note.dir}'`, {
    details: { name },
    hint: `Cancel it first: spl task cancel ${note.task} --subtask ${note.index}`,
  });
}

/** Removes a worktree whose repository was removed or moved: it is unknown which of its files exist elsewhere. */
async function removeOrphan(
  folder: string,
  name: string,
  { top, dir, branch }: WorktreeNote,
  force: boolean,
): Promise<Removed> {
  if (!force)
    throw new FleetError('CONFLICT', `the repository of worktree '${name}' is no longer at '${top}'`, {
      details: { name, repository: top },
      hint: `Move the repository back, or discard '${dir}' with --force.`,
    });
  await rm(dir, { recursive: true, force: true });
  await removeNote(folder, name);
  return { branch, branchKept: false, gone: null };
}

/** @throws CONFLICT when the worktree has something that no branch has, or that can't be determined. */
async function requireClean(folder: string, note: WorktreeNote): Promise<void> {
  const { dir, branch } = note;
  const [changes, copies] = await lookedAt(folder, note);
  if (changes.length > 0)
    throw new FleetError(
      'CONFLICT',
      `'${dir}' has uncommitted changes: ${changes.slice(0, MAX_NAMED).join(', ')}`,
      {
        details: { branch, changes: changes.length },
        hint: 'Commit them, or discard them with --force.',
      },
    );
  // A nested repository is removed with it, and may be the only one that has its commits.
  if (copies.length > 0)
    throw new FleetError(
      'CONFLICT',
      `'${dir}' contains a repository with commits or changes that no other repository is known to have: ${copies.slice(0, MAX_NAMED).join(', ')}`,
      {
        details: { branch, repositories: copies },
        hint: 'Push or commit them elsewhere, or discard them with --force.',
      },
    );
}

const MAX_NAMED = 3;

/** Returns the uncommitted files, and the nested repositories. */
async function lookedAt(folder: string, note: WorktreeNote): Promise<[string[], string[]]> {
  try {
    await requireOwn(note);
    const untracked = await untrackedIn(note.dir);
    const hidden = await hiddenIn(folder, note, untracked);
    const changes = await withFileModes(note.dir, () => uncommittedIn(folder, note));
    return [[...changes, ...hidden], await ownCopiesIn(note)];
  } catch (cause) {
    throw new FleetError(
      'CONFLICT',
      `can't tell which changes in '${note.dir}' are kept: ${messageOf(cause)}`,
      {
        details: { branch: note.branch },
        hint: 'Check the folder, then discard it with --force.',
        cause,
      },
    );
  }
}

/** True when another branch, here or at a remote, has everything on this one. */
async function isHeldElsewhere({ top, branch }: WorktreeNote): Promise<boolean> {
  const own = `refs/heads/${branch}`;
  if (!(await gitSucceeds(top, 'show-ref', '--verify', '--quiet', own))) return true;
  const text = await git(
    top,
    'for-each-ref',
    '--format=%(refname)',
    '--contains',
    own,
    'refs/heads',
    'refs/remotes',
  );
  return text.split('\n').some(name => name !== '' && name !== own);
}
