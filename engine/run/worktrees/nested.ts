import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { gitList, gitPaths, gitReading, gitSays } from './git.ts';

/** The depth to which repositories in repositories are looked into. */
const MAX_DEPTH = 5;

/** The repositories that were made inside of a worktree, and are no submodules: their folders, from its top. */
export async function nestedIn(root: string): Promise<string[]> {
  const others = await gitList(root, 'ls-files', '--others', '--exclude-standard', '-z');
  // Of a repository git names the folder, and of all else the files.
  return others.filter(path => path.endsWith('/')).map(path => path.slice(0, -1));
}

/** Puts the files of such repositories into the index of the worktree, as if they lay in plain folders. */
export async function addNested(root: string, nested: readonly string[]): Promise<void> {
  for (const folder of nested) {
    const paths = (await filesOf(join(root, folder), 0)).map(path => `${folder}/${path}\0`);
    if (paths.length === 0) continue;
    await gitReading(root, Buffer.from(paths.join(''), 'latin1'), 'update-index', '--add', '-z', '--stdin');
  }
}

/** The files of a repository, its ignored ones excepted, with those of the repositories in it; a byte a character. */
async function filesOf(repository: string, depth: number): Promise<string[]> {
  if (depth === MAX_DEPTH) return [];
  const words = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'];
  const files: string[] = [];
  for (const path of await gitPaths(repository, ...words)) {
    const stats = await lstat(Buffer.from(join(repository, path), 'latin1')).catch(() => undefined);
    if (stats === undefined) continue;
    if (!stats.isDirectory()) files.push(path);
    else {
      const inner = path.replace(/\/$/, '');
      for (const each of await filesOf(join(repository, inner), depth + 1)) files.push(`${inner}/${each}`);
    }
  }
  return files;
}

/** The repositories inside of a worktree that have commits, or changes, which no other repository is known to have. */
export async function onlyCopiesIn(root: string): Promise<string[]> {
  const linked = (await gitList(root, 'ls-files', '--stage', '-z'))
    .filter(entry => entry.startsWith('160000 '))
    .map(entry => entry.slice(entry.indexOf('\t') + 1));
  const found: string[] = [];
  for (const folder of new Set([...linked, ...(await repositoriesUnder(root))]))
    if (await isOnlyCopy(join(root, folder))) found.push(folder);
  return found;
}

/** Also those whose files a branch holds by now, so that git tells of them no more. */
async function repositoriesUnder(root: string): Promise<string[]> {
  const files = await gitList(root, 'ls-files', '-z');
  const folders = new Set<string>();
  for (const file of files)
    for (let at = file.lastIndexOf('/'); at > 0; at = file.lastIndexOf('/', at - 1)) {
      const folder = file.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  const found = [...(await nestedIn(root))];
  for (const folder of folders) if (await isRepository(join(root, folder))) found.push(folder);
  return found;
}

const isRepository = (folder: string): Promise<boolean> =>
  lstat(join(folder, '.git')).then(
    () => true,
    () => false,
  );

async function isOnlyCopy(repository: string): Promise<boolean> {
  if (!(await isRepository(repository))) return false;
  const changes = await gitList(repository, 'status', '--porcelain', '-z').catch(() => ['?']);
  if (changes.length > 0) return true;
  const words = ['rev-list', '--max-count=1', '--all', 'HEAD', '--not', '--remotes'];
  // One without a commit has nothing of its own but its files.
  if (!(await gitSays(repository, 'rev-parse', '--verify', '--quiet', 'HEAD'))) return false;
  return (await gitList(repository, ...words).catch(() => ['?'])).join('').trim() !== '';
}
