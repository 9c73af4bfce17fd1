import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError, messageOf } from '../../errors.ts';
import { shellQuoted } from '../../home/files.ts';
import { bytesOf, charactersOf, gitLines, gitPaths, readable, wasEnded } from '../git/git.ts';
import { sharedStateOf } from './shared.ts';

/** A checkout that somebody works in; worktrees start at its HEAD. */
export interface Checkout {
  /** Its top folder, and the path from there to the requested folder, `` for the top itself. */
  readonly top: string;
  readonly prefix: string;
  /** The commit that is checked out. */
  readonly head: string;
  /** The folder that all worktrees of its repository share. */
  readonly common: string;
}

/**
 * Returns the checkout that a folder is in.
 * @throws WORKER_FAILED when it is in none, when there is no commit yet, or when git fails.
 */
export async function checkoutOf(dir: string): Promise<Checkout> {
  let lines: string[];
  try {
    const words = ['--path-format=absolute', '--git-common-dir', '--show-toplevel', '--show-prefix'];
    lines = await gitLines(dir, 'rev-parse', ...words, '--verify', 'HEAD');
  } catch (cause) {
    throw FleetError.is(cause, 'WORKER_FAILED') ? noCheckout(dir, cause) : cause;
  }
  const [common = '', top = '', prefix = '', head = ''] = lines;
  return { top, prefix: prefix.replace(/\/$/, ''), head, common };
}

/** The faults of a folder's repository, by git's messages. */
const FAULTS = [
  {
    words: /not a git repository/,
    what: (dir: string) => `folder '${dir}' is not in a git repository`,
    hint: 'Create one (git init, then a commit), or run with isolation=folder.',
  },
  {
    words: /Needed a single revision|ambiguous argument 'HEAD'|unknown revision/,
    what: (dir: string) => `the repository of folder '${dir}' has no commit yet`,
    hint: 'A worktree needs a commit. Create one, or run with isolation=folder.',
  },
  {
    words: /dubious ownership/,
    what: (dir: string) =>
      `the repository of folder '${dir}' belongs to another user, and git does not trust it (dubious ownership)`,
    hint: 'Run with isolation=folder, or trust it, as git says: git config --global --add safe.directory ‹folder›',
  },
  {
    words: /must be run in a work tree/,
    what: (dir: string) => `folder '${dir}' is in a repository that has no checkout`,
    hint: 'Name a checkout of it, or run with isolation=folder.',
  },
] as const;

function noCheckout(dir: string, cause: FleetError): FleetError {
  const fault = FAULTS.find(({ words }) => words.test(cause.message));
  if (fault === undefined) return cause;
  const folder = /repository at '([^']+)'/.exec(cause.message)?.[1] ?? dir;
  const hint = fault.hint.replace('‹folder›', shellQuoted(folder));
  return new FleetError('WORKER_FAILED', fault.what(dir), { details: { dir }, hint, cause });
}

/** True when git refuses a repository because of its owner. */
export const isOwnershipFault = (fault: unknown): fault is FleetError =>
  FleetError.is(fault) && /dubious ownership/.test(fault.message);

/** Options that configuration can't override: show changes in submodules, and renames as two paths. */
const ALWAYS = ['--ignore-submodules=none', '--no-renames', '-z'];

/** A path of `git status`, one character for each byte, and its two letters. */
export interface Change {
  readonly status: string;
  readonly path: string;
}

/** Returns the uncommitted changes of a checkout, and each new file. */
export async function changesIn(top: string): Promise<Change[]> {
  return changesOf(await gitPaths(top, 'status', '--porcelain', '--untracked-files=all', ...ALWAYS));
}

/** Returns the submodules of a checkout that have uncommitted changes. */
export async function changedSubmodulesIn(top: string): Promise<string[]> {
  const entries = await gitPaths(top, 'status', '--porcelain=v2', '--untracked-files=normal', ...ALWAYS);
  // `S`, followed by `C` for other commits, `M` for changed files and `U` for new files.
  return entries
    .filter(entry => /^[12] .. S.(?:M.|.U) /.test(entry))
    .map(entry => entry.split(' ').slice(8).join(' '));
}

/** Returns the uncommitted changes of a checkout, without new files. */
export async function trackedChangesIn(top: string): Promise<Change[]> {
  return changesOf(await gitPaths(top, 'status', '--porcelain', '--untracked-files=no', ...ALWAYS));
}

const changesOf = (entries: readonly string[]): Change[] =>
  entries.map(entry => ({ status: entry.slice(0, 2), path: entry.slice(3) }));

/** The states of git's index that stand for a merge conflict. */
const UNMERGED = new Set(['DD', 'AU', 'UD', 'UA', 'DU', 'AA', 'UU']);

/** Returns the paths with merge conflicts as readable text. */
export const conflictsIn = (changes: readonly Change[]): string[] =>
  changes.filter(({ status }) => UNMERGED.has(status)).map(({ path }) => readable(path));

/** The maximum number of changed files to check one by one; of more, only names and states are compared. */
const MAX_LOOKED_AT = 5_000;

/**
 * Describes the state of a checkout: the commit, the branch, all changed and new files except ignored ones, and the
 * state that its worktrees share. The keys name the differences between two states.
 */
export async function stateOf(top: string, common: string): Promise<ReadonlyMap<string, string>> {
  const [shared, files] = await Promise.all([
    sharedStateOf(top, common),
    // An attempt can break the checkout so that git rejects it, which is a difference as well.
    filesOf(top).catch((error: unknown) => {
      if (wasEnded(error)) throw error;
      return new Map([['HEAD', messageOf(error)]]);
    }),
  ]);
  return new Map([...shared, ...files]);
}

/** Returns the folder that all worktrees of a repository share. */
export async function commonFolderOf(top: string): Promise<string> {
  const [common = ''] = await gitLines(top, 'rev-parse', '--path-format=absolute', '--git-common-dir');
  return common;
}

/** Returns the commit and the branch of a checkout, and all its changed and new files. */
export async function filesOf(top: string): Promise<Map<string, string>> {
  const state = new Map<string, string>();
  const words = ['--porcelain=v2', '--branch', '--untracked-files=all', ...ALWAYS];
  const entries = await gitPaths(top, 'status', ...words);
  const heads = entries.filter(entry => /^# branch\.(?:oid|head) /.test(entry));
  state.set('HEAD', heads.join(' '));
  for (const [at, { status, path }] of [...changedPaths(entries)].entries()) {
    const file = bytesOf(join(charactersOf(top), path));
    const stats = at < MAX_LOOKED_AT ? await lstat(file).catch(() => undefined) : undefined;
    const look = stats === undefined ? '' : `${stats.mtimeMs} ${stats.size} ${stats.mode}`;
    state.set(readable(path), createHash('sha1').update(`${status} ${look}`).digest('hex'));
  }
  return state;
}

/** The number of words before the path, by the kind of an entry of `git status --porcelain=v2`. */
const WORDS_BEFORE_PATH: Readonly<Record<string, number>> = { '1': 8, u: 10, '?': 1 };

function* changedPaths(entries: readonly string[]): Generator<Change> {
  for (const entry of entries) {
    const words = entry.split(' ');
    const before = WORDS_BEFORE_PATH[words[0]!];
    if (before === undefined) continue;
    yield { status: words.slice(0, before).join(' '), path: words.slice(before).join(' ') };
  }
}
