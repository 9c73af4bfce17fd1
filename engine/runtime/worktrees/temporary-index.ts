import { randomUUID } from 'node:crypto';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../errors.ts';
import { git, gitLines, gitSucceeds, gitWith, listOf, type GitInput } from '../git/git.ts';
import { addNested, nestedIn } from './nested.ts';

const PREFIX = '.index-';

/**
 * Runs some work with a copy of a checkout's index, in which paths can be staged. The checkout's own index stays
 * unchanged and unlocked.
 * @param folder the place of the copy
 */
export async function withTemporaryIndex<T>(
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

/** Removes the copies that a dead process left in a folder. */
export async function removeTemporaryIndexes(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (name.startsWith(PREFIX)) await rm(join(folder, name), { force: true });
}

/** Stages all changed and new files, also those in nested repositories, which git alone would stage as a mere link. */
export async function addAll(root: string, given: GitInput = {}): Promise<void> {
  const nested = await nestedIn(root, given);
  const paths = [':(top)', ...nested.map(path => `:(top,exclude,literal)${path}`)];
  const options = ['--all', '--sparse', '--pathspec-from-file=-', '--pathspec-file-nul'];
  await gitWith(root, { ...given, input: listOf(paths) }, 'add', ...options);
  await addNested(root, nested, given);
}

/** Returns the options with which git can commit when no author is configured. */
export async function authorOptions(root: string): Promise<string[]> {
  const isKnown = await gitSucceeds(root, 'var', 'GIT_COMMITTER_IDENT');
  return isKnown ? [] : ['-c', 'user.name=spl', '-c', 'user.email=spl@localhost'];
}

/** Returns the tree of an index with all changed and new files of a checkout. */
export async function treeOf(root: string, given: GitInput): Promise<string> {
  await addAll(root, given);
  return (await gitWith(root, given, 'write-tree')).trim();
}

/** Makes a commit of a tree, without a branch. */
export async function commitOf(root: string, tree: string, parent: string, message: string): Promise<string> {
  const author = await authorOptions(root);
  return (await git(root, ...author, 'commit-tree', tree, '-p', parent, '-m', message)).trim();
}
