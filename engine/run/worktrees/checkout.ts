import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '../../errors.ts';
import { shellQuoted } from '../../home/files.ts';
import { gitLines, gitList } from './git.ts';

/** The checkout that somebody works in, and from whose HEAD worktrees begin. */
export interface Checkout {
  /** Its top folder, and the way from there to the folder that was asked for, `` for the top itself. */
  readonly top: string;
  readonly prefix: string;
  /** The commit that is checked out. */
  readonly head: string;
}

/** The checkout that a folder is in. @throws WORKER_FAILED where it is in none, where there is no commit yet, or git says no. */
export async function checkoutOf(dir: string): Promise<Checkout> {
  let lines: string[];
  try {
    lines = await gitLines(dir, 'rev-parse', '--show-toplevel', '--show-prefix', '--verify', 'HEAD');
  } catch (cause) {
    throw FleetError.is(cause, 'WORKER_FAILED') ? noCheckout(dir, cause) : cause;
  }
  const [top = '', prefix = '', head = ''] = lines;
  return { top, prefix: prefix.replace(/\/$/, ''), head };
}

/** The faults of a folder's repository, by git's own words. */
const FAULTS = [
  {
    words: /not a git repository/,
    what: (dir: string) => `folder '${dir}' is not in a git repository`,
    hint: 'Make one there (git init, and a commit), or run with isolation=folder.',
  },
  {
    words: /Needed a single revision|ambiguous argument 'HEAD'|unknown revision/,
    what: (dir: string) => `the repository of folder '${dir}' has no commit yet`,
    hint: 'Worktrees are made of a commit. Make one, or run with isolation=folder.',
  },
  {
    words: /dubious ownership/,
    what: (dir: string) =>
      `the repository of folder '${dir}' belongs to somebody else, and git does not trust it (dubious ownership)`,
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
export const isOfOther = (fault: unknown): fault is FleetError =>
  FleetError.is(fault) && /dubious ownership/.test(fault.message);

/** The options that no configuration overrides: new files, and changes in submodules, are shown. */
const ALL = ['--untracked-files=normal', '--ignore-submodules=none'];

/** What is changed in a checkout and not committed, as `git status` says it: one line for each path, `XY path`. */
export function changesIn(top: string): Promise<string[]> {
  return gitLines(top, 'status', '--porcelain', ...ALL);
}

/** The paths of a checkout, less those that are new, that have changes which a commit would be without. */
export async function trackedChangesIn(top: string): Promise<string[]> {
  const lines = await gitLines(
    top,
    'status',
    '--porcelain',
    '--untracked-files=no',
    '--ignore-submodules=none',
  );
  return lines.map(line => line.slice(3));
}

/** So many changed files are looked at one by one; of more, only their names and states are compared. */
const MAX_LOOKED_AT = 5_000;

/**
 * What tells one state of a checkout from another: the commit, the branch, and all that is changed or new, ignored files
 * excepted. By path, so that a difference can be named.
 */
export async function stateOf(top: string): Promise<ReadonlyMap<string, string>> {
  const state = new Map<string, string>();
  const told = await gitList(
    top,
    'status',
    '--porcelain=v2',
    '--branch',
    '-z',
    '--untracked-files=all',
    '--ignore-submodules=none',
  );
  const heads = told.filter(entry => /^# branch\.(?:oid|head) /.test(entry));
  state.set('HEAD', heads.join(' '));
  for (const [at, { status, path }] of [...changedPaths(told)].entries()) {
    const stats = at < MAX_LOOKED_AT ? await lstat(join(top, path)).catch(() => undefined) : undefined;
    const look = stats === undefined ? '' : `${stats.mtimeMs} ${stats.size} ${stats.mode}`;
    state.set(path, createHash('sha1').update(`${status} ${look}`).digest('hex'));
  }
  return state;
}

/** How many words stand before the path, by the kind of an entry of `git status --porcelain=v2`. */
const WORDS_BEFORE_PATH: Readonly<Record<string, number>> = { '1': 8, '2': 9, u: 10, '?': 1 };

function* changedPaths(
  told: readonly string[],
): Generator<{ readonly status: string; readonly path: string }> {
  for (let at = 0; at < told.length; at++) {
    const words = told[at]!.split(' ');
    const before = WORDS_BEFORE_PATH[words[0]!];
    if (before === undefined) continue;
    yield { status: words.slice(0, Math.min(2, before)).join(' '), path: words.slice(before).join(' ') };
    // A rename is followed by the path that it was.
    if (words[0] === '2') at++;
  }
}

/** The paths in which two states differ, `HEAD` for the commit or the branch. */
export function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter(path => before.get(path) !== after.get(path)).sort();
}
