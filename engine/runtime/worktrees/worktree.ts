import { mkdir, realpath, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '../../errors.ts';
import type { Work } from '../../domain/model/record-bodies.ts';
import type { WorktreeTable } from '../../home/config.ts';
import { processStart } from '../../home/process.ts';
import { firstCommit, type First } from './carried.ts';
import { checkoutOf, type Checkout } from './checkout.ts';
import { discard } from './closing.ts';
import { git, GIT_TIMEOUT_MS, regardless } from '../git/git.ts';
import { lend } from './lent.ts';
import { inTurn } from '../git/lock.ts';
import { branchFor, titleOf, worktreeName, type Occupant } from './names.ts';
import { writeNote, type WorktreeNote } from './notes.ts';

/** The free space that a disk must have for one more worktree, in bytes, unless configured otherwise. */
const MIN_FREE_BYTES = 512 * 1024 * 1024;

export interface WorktreeSettings {
  /** The treatment of uncommitted changes in the checkout that the worktree is made of. */
  readonly dirty: 'refuse' | 'stash' | 'carry';
  /** Files that git does not have and the attempt needs, by their paths from the top, or globs. */
  readonly include: readonly string[];
  /** A command line that makes a new worktree ready, or null. */
  readonly setup: string | null;
  /** The treatment of an attempt during which the checkout itself was changed. */
  readonly escape: 'fail' | 'note';
  readonly min_free_bytes: number;
  /** The most that each git, and the set-up, may take, in ms. */
  readonly timeoutMs: number;
}

/** The settings of a table, with the defaults for what it leaves out. */
export function worktreeSettings(table: WorktreeTable): WorktreeSettings {
  return {
    dirty: table.dirty ?? 'refuse',
    include: table.include ?? [],
    setup: table.setup ?? null,
    escape: table.escape ?? 'note',
    min_free_bytes: table.min_free_bytes ?? MIN_FREE_BYTES,
    timeoutMs: table.timeout_secs === undefined ? GIT_TIMEOUT_MS : table.timeout_secs * 1000,
  };
}

export interface Worktree extends Work {
  readonly name: string;
  readonly checkout: Checkout;
  /** The folder in it that answers to the one that was asked for. */
  readonly cwd: string;
  /** The files that were to be lent, and are not there. */
  readonly missing: readonly string[];
  /** The submodules whose uncommitted changes were not carried. */
  readonly behind: readonly string[];
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
  return inTurn(checkout.common, async () => {
    const first = await firstCommit(checkout, settings.dirty, folder, titleOf(occupant));
    const branch = await branchFor(dir, occupant);
    return makeOn(branch, { folder, checkout, first, occupant, settings, now });
  });
}

/** The inputs from which a worktree is made. */
interface Making {
  readonly folder: string;
  readonly checkout: Checkout;
  readonly first: First;
  readonly occupant: Occupant;
  readonly settings: WorktreeSettings;
  readonly now: number;
}

async function makeOn(
  branch: string,
  { folder, checkout, first, occupant, settings, now }: Making,
): Promise<Worktree> {
  const { top } = checkout;
  const { base, behind } = first;
  const name = await worktreeName(folder, branch);
  // What tells where one is may not go by a symbolic link, or it would not be found where it says.
  const root = join(await realpath(folder), name);
  const note: WorktreeNote = {
    ...occupant,
    dir: root,
    top,
    common: checkout.common,
    branch,
    base,
    lent: [],
    made: null,
    copies: {},
    begun_unix: null,
    state: 'making',
    pid: process.pid,
    pid_start: processStart(process.pid),
    made_unix: now / 1000,
  };
  await writeNote(folder, name, note);
  try {
    await git(top, 'worktree', 'add', '--quiet', '--no-track', '-b', branch, root, base);
    const { paths, missing } = await lend(top, root, settings.include);
    const cwd = join(root, checkout.prefix);
    await mkdir(cwd, { recursive: true });
    await writeNote(folder, name, { ...note, lent: [...paths], state: 'used' });
    return { name, checkout, cwd, branch, base, dir: root, missing, behind };
  } catch (error) {
    // Also where it was ended by who has every git end.
    await regardless(() => discard(folder, name, note));
    throw error;
  }
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
