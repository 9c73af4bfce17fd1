import { mkdir, realpath, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '../../errors.ts';
import type { Work } from '../../domain/model/record-bodies.ts';
import type { WorktreeTable } from '../../home/config-schema.ts';
import { processStart } from '../../system/process-table.ts';
import { prepareBase, type PreparedBase } from './carried.ts';
import { checkoutOf, stateOf, type Checkout } from './checkout.ts';
import { discard } from './closing.ts';
import { git, GIT_TIMEOUT_MS, withoutGitLimits } from '../git/git.ts';
import { copyIncluded } from './included-files.ts';
import { withRepositoryLock } from '../git/repository-lock.ts';
import { branchFor, titleOf, worktreeName, type WorktreeOwner } from './names.ts';
import { writeNote, type WorktreeNote } from './notes.ts';

/** The free space in bytes that a disk must have for another worktree, unless configured otherwise. */
const MIN_FREE_BYTES = 512 * 1024 * 1024;

export interface WorktreeSettings {
  /** The treatment of uncommitted changes in the checkout. */
  readonly dirty: 'refuse' | 'stash' | 'carry';
  /** Untracked files that the attempt needs, as paths from the top or globs. */
  readonly include: readonly string[];
  /** A command line that prepares a new worktree, or null. */
  readonly setup: string | null;
  /** The treatment of an attempt during which the checkout was changed. */
  readonly escape: 'fail' | 'note';
  readonly min_free_bytes: number;
  /** The time limit of each git call and of the set-up, in ms. */
  readonly timeoutMs: number;
}

/** Returns the settings of a table, with defaults. */
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
  /** The state of the checkout when the worktree was begun, see `stateOf`; null when git did not give it. */
  readonly before: Promise<ReadonlyMap<string, string> | null>;
  /** The folder in it that corresponds to the requested one. */
  readonly cwd: string;
  /** The files to lend that do not exist. */
  readonly missing: readonly string[];
  /** The submodules whose uncommitted changes were not carried. */
  readonly behind: readonly string[];
}

/**
 * Makes a worktree from the checkout that `dir` is in, on a branch of its own, in the worker's `folder`. Its note is
 * written first.
 * @throws WORKER_FAILED with a way out when that fails; nothing of it is left then.
 */
export async function makeWorktree(
  folder: string,
  dir: string,
  owner: WorktreeOwner,
  settings: WorktreeSettings,
  now: number,
): Promise<Worktree> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await requireRoom(folder, settings.min_free_bytes);
  const checkout = await checkoutOf(dir);
  // Several git processes would read what another one is still writing.
  return withRepositoryLock(checkout.common, async () => {
    const first = await prepareBase(checkout, settings.dirty, folder, titleOf(owner));
    const branch = await branchFor(dir, owner);
    return makeOn(branch, { folder, checkout, first, owner, settings, now });
  });
}

/** The inputs from which a worktree is made. */
interface Making {
  readonly folder: string;
  readonly checkout: Checkout;
  readonly first: PreparedBase;
  readonly owner: WorktreeOwner;
  readonly settings: WorktreeSettings;
  readonly now: number;
}

async function makeOn(
  branch: string,
  { folder, checkout, first, owner, settings, now }: Making,
): Promise<Worktree> {
  const { top } = checkout;
  const { base, behind } = first;
  const name = await worktreeName(folder, branch);
  // The path may not contain a symbolic link, or the worktree would not be found by it.
  const root = join(await realpath(folder), name);
  const note: WorktreeNote = {
    ...owner,
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
  // Reading the checkout and writing the worktree take about as long as the slower of them.
  const before = stateOf(top, checkout.common).catch(() => null);
  try {
    await git(top, 'worktree', 'add', '--quiet', '--no-track', '-b', branch, root, base);
    const { paths, missing } = await copyIncluded(top, root, settings.include);
    const cwd = join(root, checkout.prefix);
    await mkdir(cwd, { recursive: true });
    await writeNote(folder, name, { ...note, lent: [...paths], state: 'used' });
    return { name, checkout, before, cwd, branch, base, dir: root, missing, behind };
  } catch (error) {
    // Also runs when the signal that ends every git has aborted.
    await withoutGitLimits(() => discard(folder, name, note));
    throw error;
  }
}

async function requireRoom(folder: string, wanted: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= wanted) return;
  throw new FleetError(
    'WORKER_FAILED',
    `the disk has ${mebibytes(free)} MiB free for a worktree in '${folder}', and ${mebibytes(wanted)} MiB are required`,
    {
      details: { folder, free_bytes: free, min_free_bytes: wanted },
      hint: 'Make room, remove worktrees (spl worktree list), or lower [worktree] min_free_bytes in config.toml.',
    },
  );
}

const mebibytes = (bytes: number): number => Math.floor(bytes / (1024 * 1024));
