import { lstatSync, readdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { FleetError, systemCodeOf } from '../../errors.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import { bytesOf, gitPaths, gitLines, readable } from '../git/git.ts';

/** The files in a folder. A path is absolute, with one character for each byte. */
export interface Files {
  /** The paths of files and links in ascending order, some of which may not exist. */
  readonly paths: readonly string[];
  /** The repositories inside of the folder, submodules and others. */
  readonly repositories: readonly Repository[];
}

export interface Repository {
  readonly path: string;
  /** The commit that is checked out; empty for none. */
  readonly commit: string;
}

const NOTHING: Files = { paths: [], repositories: [] };

/** The maximum depth of repositories in repositories. */
const MAX_DEPTH = 8;
/** The maximum number of files and folders that a walk sees. */
const MAX_WALKED = 300_000;

/** Returns the top of the repository that contains a folder; undefined for none. */
export function repositoryOf(folder: string): string | undefined {
  for (let at = folder; ; at = posix.dirname(at)) {
    if (isRepository(at)) return at;
    if (at === '/') return undefined;
  }
}

const isRepository = (folder: string): boolean => exists(posix.join(folder, '.git'));

function exists(path: string): boolean {
  try {
    return lstatSync(bytesOf(path), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // Below a file, or a link to itself, there is nothing.
    if (['ENOTDIR', 'ELOOP'].includes(systemCodeOf(error) ?? '')) return false;
    throw error;
  }
}

/** True for a folder and a link to one. */
function isFolder(path: string): boolean {
  try {
    return statSync(bytesOf(path), { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    // A link to itself.
    if (systemCodeOf(error) === 'ELOOP') return false;
    throw error;
  }
}

/** True for a symbolic link. */
export const isLink = (path: string): boolean =>
  lstatSync(bytesOf(path), { throwIfNoEntry: false })?.isSymbolicLink() === true;

/**
 * Lists a repository: what is tracked, and what is neither tracked nor ignored; also in the repositories inside.
 * @throws what git throws; TOO_LARGE for repositories nested too deep
 */
export async function listRepository(root: string, depth = 0): Promise<Files> {
  if (depth > MAX_DEPTH)
    throw new FleetError('TOO_LARGE', `${readable(root)} is more than ${MAX_DEPTH} repositories deep`);
  const listed = await gitPaths(
    readable(root),
    'ls-files',
    '-z',
    '-t',
    '--stage',
    '--others',
    '--exclude-standard',
  );
  const paths = new Set<string>();
  const inner = new Set<string>();
  for (const each of listed) {
    const { path, isFolder } = entryOf(each);
    (isFolder ? inner : paths).add(posix.join(root, path));
  }
  const nested = await Promise.all(Array.from(inner, each => nestedRepository(each, depth + 1)));
  return merged([{ paths: [...paths], repositories: [] }, ...nested]);
}

/** Reads `? PATH`, or `H MODE OBJECT STAGE\tPATH`. A folder is a submodule, or has a final slash. */
function entryOf(line: string): { readonly path: string; readonly isFolder: boolean } {
  if (line.startsWith('? ')) return { path: line.slice(2).replace(/\/$/, ''), isFolder: line.endsWith('/') };
  return { path: line.slice(line.indexOf('\t') + 1), isFolder: line.startsWith('160000 ', 2) };
}

async function nestedRepository(root: string, depth: number): Promise<Files> {
  if (!isRepository(root))
    return { ...NOTHING, repositories: exists(root) ? [{ path: root, commit: '' }] : [] };
  const [files, head] = await Promise.all([
    listRepository(root, depth),
    gitLines(readable(root), 'rev-parse', '--verify', '--quiet', 'HEAD').catch(() => []),
  ]);
  return { ...files, repositories: [{ path: root, commit: head[0] ?? '' }, ...files.repositories] };
}

/**
 * Lists what is in a folder, or the file itself, without `.git`. No link but `base` is followed.
 * @throws TOO_LARGE, and system errors
 */
export async function walk(base: string): Promise<Files> {
  if (!exists(base)) return NOTHING;
  if (!isFolder(base)) return { paths: [base], repositories: [] };
  const paths = isLink(base) ? [base] : [];
  const folders = [base];
  const slice = new WorkSlice();
  for (let seen = 0, folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      if (++seen > MAX_WALKED)
        throw new FleetError('TOO_LARGE', `${readable(base)} has more than ${MAX_WALKED} files`);
      if (entry.name === '.git') continue;
      (entry.isDirectory() ? folders : paths).push(posix.join(folder, entry.name));
    }
    if (slice.isOver()) await slice.yieldToEventLoop();
  }
  return { paths, repositories: [] };
}

function entriesOf(folder: string): { readonly name: string; isDirectory(): boolean }[] {
  try {
    return readdirSync(bytesOf(folder), { withFileTypes: true, encoding: 'latin1' });
  } catch (error) {
    // Removed meanwhile.
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function merged(all: readonly Files[]): Files {
  const paths = all.flatMap(files => files.paths).sort();
  const repositories = all.flatMap(files => files.repositories);
  return { paths, repositories: repositories.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

/** Returns the range of sorted paths that are this one or below it. */
export function within(paths: readonly string[], base: string): readonly string[] {
  const isThere = paths[firstFrom(paths, base)] === base;
  const below = base === '/' ? '/' : `${base}/`;
  const found = paths.slice(firstFrom(paths, below), firstFrom(paths, `${below.slice(0, -1)}0`));
  return isThere ? [base, ...found] : found;
}

/** Returns the index of the first path that is not before this one. */
function firstFrom(paths: readonly string[], path: string): number {
  let [low, high] = [0, paths.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (paths[middle]! < path) low = middle + 1;
    else high = middle;
  }
  return low;
}
