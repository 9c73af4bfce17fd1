import { copyFile, cp, lstat, mkdir, readlink, realpath, symlink, utimes } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { bytesOf, charactersOf, gitPaths, isThere, readable } from '../git/git.ts';

/** The files copied from a checkout into a worktree. */
export interface IncludedFiles {
  /** Paths from the top, one character for each byte. */
  readonly paths: readonly string[];
  /** The paths to copy that do not exist. */
  readonly missing: readonly string[];
}

/**
 * Copies files that git does not track into a worktree. Tracked files are there as committed.
 * @param wanted paths from the top, or globs as git understands them
 */
export async function copyIncluded(
  top: string,
  root: string,
  wanted: readonly string[],
): Promise<IncludedFiles> {
  const paths: string[] = [];
  const missing: string[] = [];
  for (const each of wanted) {
    const found = await expandWanted(top, each);
    if (found.length === 0) missing.push(each);
    for (const path of found)
      if (await copyPath(charactersOf(top), charactersOf(root), path)) paths.push(path);
  }
  return { paths, missing };
}

/** True for a path that `copyIncluded` has copied, and for those inside of it. */
export const isIncluded = (path: string, included: readonly string[]): boolean =>
  included.some(each => path === each || path.startsWith(`${each}/`));

/** Returns the paths for a wanted one: itself if it exists, else the untracked files that match it. */
async function expandWanted(top: string, wanted: string): Promise<string[]> {
  if (await isThere(join(top, wanted))) return [charactersOf(wanted.replace(/\/+$/, ''))];
  if (!/[*?[]/.test(wanted)) return [];
  const found = await gitPaths(top, 'ls-files', '--others', '-z', '--', `:(top,glob)${wanted}`);
  return found.map(path => path.replace(/\/$/, ''));
}

/** @returns false when the worktree has something at the path. */
async function copyPath(top: string, root: string, path: string): Promise<boolean> {
  const [from, to] = [join(top, path), join(root, path)];
  if (await isThere(bytesOf(to))) return false;
  await mkdir(bytesOf(dirname(to)), { recursive: true });
  if ((await lstat(bytesOf(from))).isSymbolicLink()) await copyLink(readable(from), readable(to));
  else await copy(bytesOf(from), bytesOf(to));
  return true;
}

/**
 * Copies a link that leads nowhere from the worktree: to the target that it has in the checkout, or as the file itself.
 */
async function copyLink(from: string, to: string): Promise<void> {
  const target = await readlink(from);
  const meant = resolve(dirname(from), target);
  const stats = await lstat(await realpath(meant).catch(() => meant)).catch(() => undefined);
  const leads = await lstat(resolve(dirname(to), target)).catch(() => undefined);
  if (stats === undefined || isAbsolute(target) || leads !== undefined) return symlink(target, to);
  // The attempt must not write into the original, hence a copy.
  if (stats.isDirectory()) return symlink(meant, to);
  await cp(meant, to, { dereference: true, preserveTimestamps: true });
}

async function copy(from: Buffer, to: Buffer): Promise<void> {
  const stats = await lstat(from);
  if (stats.isDirectory())
    return cp(from.toString(), to.toString(), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      mode: 0,
    });
  await copyFile(from, to);
  await utimes(to, stats.atime, stats.mtime);
}
