import { randomUUID } from 'node:crypto';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../errors.ts';
import { git, gitLines, gitSays, gitWith, listOf, type GitInput } from './git.ts';
import { addNested, nestedIn } from '../worktrees/nested.ts';

const PREFIX = '.index-';

/**
 * Lends a copy of a checkout's index, in which paths can be staged while the checkout's own stays as it is and its lock free.
 * @param folder where the copy lies
 */
export async function withOwnIndex<T>(
  top: string,
  folder: string,
  use: (given: Required<Pick<GitInput, 'index'>>) => Promise<T>,
): Promise<T> {
  const index = join(folder, PREFIX + randomUUID());
  const [from = ''] = await gitLines(top, 'rev-parse', '--path-format=absolute', '--git-path', 'index');
  try {
    await copyFile(from, index).catch(async (error: unknown) => {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
      await gitWith(top, { index }, 'read-tree', 'HEAD');
    });
    return await use({ index });
  } finally {
    for (const file of [index, `${index}.lock`]) await rm(file, { force: true });
  }
}

/** Removes the copies that a process which died has left in a folder. */
export async function removeOwnIndexes(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (name.startsWith(PREFIX)) await rm(join(folder, name), { force: true });
}

/**
 * Stages all that is changed or new: also what lies in a repository that was made there, of which git would take no more than
 * a name.
 */
export async function addAll(root: string, given: GitInput = {}): Promise<void> {
  const nested = await nestedIn(root, given);
  const paths = [':(top)', ...nested.map(path => `:(top,exclude,literal)${path}`)];
  const words = ['--all', '--sparse', '--pathspec-from-file=-', '--pathspec-file-nul'];
  await gitWith(root, { ...given, input: listOf(paths) }, 'add', ...words);
  await addNested(root, nested, given);
}

/** The options by which git can commit where nobody said who it is that does. */
export async function authorOptions(root: string): Promise<string[]> {
  const isKnown = await gitSays(root, 'var', 'GIT_COMMITTER_IDENT');
  return isKnown ? [] : ['-c', 'user.name=spl', '-c', 'user.email=spl@localhost'];
}

/** The tree of an index with all that is changed or new in a checkout. */
export async function treeOf(root: string, given: GitInput): Promise<string> {
  await addAll(root, given);
  return (await gitWith(root, given, 'write-tree')).trim();
}

/** Makes a commit of a tree, on no branch. */
export async function commitOf(root: string, tree: string, parent: string, message: string): Promise<string> {
  const author = await authorOptions(root);
  return (await git(root, ...author, 'commit-tree', tree, '-p', parent, '-m', message)).trim();
}
