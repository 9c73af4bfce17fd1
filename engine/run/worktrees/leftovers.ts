import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError, messageOf } from '../../errors.ts';
import { changesIn } from './checkout.ts';
import { gitList, gitSays, git } from './git.ts';
import { onlyCopiesIn } from './nested.ts';
import { readNotes, removeNote, writeNote, type WorktreeNote } from './notes.ts';
import { closeWorktree, discard } from './worktree.ts';

/**
 * Deals with what a worker that died had: to be called when no attempt of this home's runs. What was half made is taken
 * down; what an attempt had begun in is put on its branch, and kept as `left` if there is anything on it.
 *
 * @param complain told what could not be dealt with, which stays as it is.
 */
export async function recoverWorktrees(folder: string, complain: (what: string) => void): Promise<void> {
  for (const [name, note] of await readNotes(folder)) {
    try {
      if (note.state === 'making') await discard(folder, name, note);
      else if (note.state === 'used') await keepLeft(folder, name);
    } catch (error) {
      complain(`worktree '${note.dir}': ${messageOf(error)}`);
    }
  }
}

async function keepLeft(folder: string, name: string): Promise<void> {
  if ((await closeWorktree(folder, name, null)).work === null) return;
  const note = (await readNotes(folder)).get(name);
  if (note !== undefined) await writeNote(folder, name, { ...note, state: 'left' });
}

/** What became of a worktree that was to be removed. */
export interface Removed {
  readonly branch: string;
  /** Whether the branch is there still, since nothing else holds what is on it. */
  readonly branchKept: boolean;
}

/**
 * Removes a worktree. Its branch goes with it where another branch has all that is on it, else it stays.
 *
 * @param force throws away the branch, and what is not committed.
 * @throws NOT_FOUND; CONFLICT where it is in use, where something in it is not committed, or where its repository is gone.
 */
export async function removeWorktree(folder: string, name: string, force: boolean): Promise<Removed> {
  const note = (await readNotes(folder)).get(name);
  if (note === undefined)
    throw new FleetError('NOT_FOUND', `no worktree is named '${name}'`, { details: { name } });
  const { top, dir, branch } = note;
  if (note.state === 'making' || note.state === 'used')
    throw new FleetError('CONFLICT', `an attempt works in '${dir}'`, {
      details: { name },
      hint: `Cancel it first: spl task cancel ${note.task} --subtask ${note.index}`,
    });
  if (!(await isThere(join(top, '.git')))) return removeOrphan(folder, name, note, force);
  if (!force) await requireClean(note);
  // What was lent lies there untracked, so that git would not go without being forced.
  await git(top, 'worktree', 'remove', '--force', '--force', dir).catch(async (error: unknown) => {
    // Somebody may have removed the folder by hand.
    await git(top, 'worktree', 'prune');
    if (await isKnown(note)) throw error;
  });
  const branchKept = !force && !(await isHeldElsewhere(note));
  if (!branchKept) await git(top, 'branch', '-D', '--quiet', branch).catch(() => undefined);
  await removeNote(folder, name);
  return { branch, branchKept };
}

/** Its repository was removed or moved away: nobody can tell what of the folder is kept elsewhere. */
async function removeOrphan(
  folder: string,
  name: string,
  { top, dir, branch }: WorktreeNote,
  force: boolean,
): Promise<Removed> {
  if (!force)
    throw new FleetError('CONFLICT', `the repository of worktree '${name}' is not at '${top}' any more`, {
      details: { name, repository: top },
      hint: `Put it back, or throw away what is in '${dir}' with --force.`,
    });
  await rm(dir, { recursive: true, force: true });
  await removeNote(folder, name);
  return { branch, branchKept: false };
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function requireClean({ dir, branch, lent }: WorktreeNote): Promise<void> {
  const lines = await changesIn(dir).catch(() => []);
  const changes = lines.map(line => line.slice(3)).filter(path => !lent.includes(path));
  if (changes.length === 0) return requireNoCopies(dir, branch);
  throw new FleetError(
    'CONFLICT',
    `'${dir}' has changes that are not committed: ${changes.slice(0, 3).join(', ')}`,
    {
      details: { branch, changes: changes.length },
      hint: 'Commit them there, or throw them away with --force.',
    },
  );
}

/** A repository that lies in it goes with it, and may be the only one that has its commits. */
async function requireNoCopies(dir: string, branch: string): Promise<void> {
  const copies = await onlyCopiesIn(dir).catch(() => []);
  if (copies.length === 0) return;
  throw new FleetError(
    'CONFLICT',
    `'${dir}' has a repository of its own in it, with what no other is known to have: ${copies.slice(0, 3).join(', ')}`,
    {
      details: { branch, repositories: copies },
      hint: 'Push it somewhere, or throw it away with --force.',
    },
  );
}

async function isKnown({ top, dir }: WorktreeNote): Promise<boolean> {
  return (await gitList(top, 'worktree', 'list', '--porcelain', '-z')).includes(`worktree ${dir}`);
}

/** Whether some other branch, here or at a remote, has all that is on this one. */
async function isHeldElsewhere({ top, branch }: WorktreeNote): Promise<boolean> {
  const own = `refs/heads/${branch}`;
  if (!(await gitSays(top, 'show-ref', '--verify', '--quiet', own))) return true;
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
