import { copyFile, cp, lstat, mkdir, readlink, realpath, symlink, utimes } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { bytesOf, charactersOf, gitPaths, isThere, readable } from '../git/git.ts';

/** The files copied from a checkout into a worktree. */
export interface Lent {
  /** By the paths from the top, each byte of which is a character. */
  readonly paths: readonly string[];
  /** The paths that were to be copied and do not exist. */
  readonly missing: readonly string[];
}

/**
 * Copies files that git does not have into a worktree. What git has there is as it was committed.
 * @param wanted paths from the top, or globs as git understands them
 */
export async function lend(top: string, root: string, wanted: readonly string[]): Promise<Lent> {
  const paths: string[] = [];
  const missing: string[] = [];
  for (const each of wanted) {
    const found = await meantBy(top, each);
    if (found.length === 0) missing.push(each);
    for (const path of found)
      if (await lendPath(charactersOf(top), charactersOf(root), path)) paths.push(path);
  }
  return { paths, missing };
}

/** True for what `lend` has copied, and what lies in it. */
export const isLent = (path: string, lent: readonly string[]): boolean =>
  lent.some(each => path === each || path.startsWith(`${each}/`));

/** The paths that a wanted one stands for: itself where it is there, else the files that git does not have and it matches. */
async function meantBy(top: string, wanted: string): Promise<string[]> {
  if (await isThere(join(top, wanted))) return [charactersOf(wanted.replace(/\/+$/, ''))];
  if (!/[*?[]/.test(wanted)) return [];
  const found = await gitPaths(top, 'ls-files', '--others', '-z', '--', `:(top,glob)${wanted}`);
  return found.map(path => path.replace(/\/$/, ''));
}

/** @returns false where the worktree has something there. */
async function lendPath(top: string, root: string, path: string): Promise<boolean> {
  const [from, to] = [join(top, path), join(root, path)];
  if (await isThere(bytesOf(to))) return false;
  await mkdir(bytesOf(dirname(to)), { recursive: true });
  if ((await lstat(bytesOf(from))).isSymbolicLink()) await lendLink(readable(from), readable(to));
  else await copy(bytesOf(from), bytesOf(to));
  return true;
}

/** A link that leads nowhere from the worktree leads to where it does in the checkout, or is the file that it means. */
async function lendLink(from: string, to: string): Promise<void> {
  const target = await readlink(from);
  const meant = resolve(dirname(from), target);
  const stats = await lstat(await realpath(meant).catch(() => meant)).catch(() => undefined);
  const leads = await lstat(resolve(dirname(to), target)).catch(() => undefined);
  if (stats === undefined || isAbsolute(target) || leads !== undefined) return symlink(target, to);
  // A file is copied, so that the attempt does not write into the original.
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
