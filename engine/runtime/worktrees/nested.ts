import { createHash, randomUUID } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { changesIn, filesOf } from './checkout.ts';
import {
  bytesOf,
  charactersOf,
  git,
  gitPaths,
  gitPathsWith,
  gitSucceeds,
  gitWith,
  isThere,
  listOf,
  readable,
  type GitInput,
} from '../git/git.ts';

/** The maximum depth of repositories in repositories. */
const MAX_DEPTH = 5;

/**
 * Returns the folders of repositories inside of a worktree that are no submodules, as paths from its top. Here and
 * below, a path has one character for each byte.
 */
export async function nestedIn(root: string, given: GitInput = {}): Promise<string[]> {
  const others = await gitPathsWith(root, given, 'ls-files', '--others', '--exclude-standard', '-z');
  return foldersOf(others);
}

/** Returns the paths of nested repositories, which git lists as folders. */
const foldersOf = (paths: readonly string[]): string[] =>
  paths.filter(path => path.endsWith('/')).map(path => path.slice(0, -1));

/** The untracked files of a checkout; a nested repository is a folder with a final slash. */
export interface Untracked {
  /** The files that git would add. */
  readonly added: readonly string[];
  /** The files that git ignores because of a `.gitignore` or its configuration. */
  readonly ignored: readonly string[];
  /** The ignored files that no `.gitignore` names. */
  readonly hidden: readonly string[];
}

/** A path in an index. */
export interface Entry {
  readonly path: string;
  /** The letter of git for the flags of the entry. */
  readonly tag: string;
  /** True for a submodule. */
  readonly isLink: boolean;
}

/** Returns the index of a checkout. */
export async function indexOf(root: string): Promise<Entry[]> {
  return (await gitPaths(root, 'ls-files', '-v', '--stage', '-z')).map(entry => ({
    path: entry.slice(entry.indexOf('\t') + 1),
    tag: entry[0] ?? '',
    isLink: entry.startsWith('160000 ', 2),
  }));
}

/** The tracked and the untracked files of a checkout. */
export interface Held {
  readonly untracked: Untracked;
  readonly index: readonly Entry[];
}

const heldIn = async (root: string): Promise<Held> => ({
  untracked: await untrackedIn(root),
  index: await indexOf(root),
});

export async function untrackedIn(root: string): Promise<Untracked> {
  const others = (...options: readonly string[]): Promise<string[]> =>
    gitPaths(root, 'ls-files', '--others', ...options, '-z');
  const all = await others();
  if (all.length === 0) return { added: [], ignored: [], hidden: [] };
  const [added, unlessHidden] = await Promise.all([
    others('--exclude-standard'),
    others('--exclude-per-directory=.gitignore'),
  ]);
  const isAdded = new Set(added);
  return {
    added,
    ignored: all.filter(path => !isAdded.has(path)),
    hidden: unlessHidden.filter(path => !isAdded.has(path)),
  };
}

/** Adds the files of nested repositories to the index of the worktree, as if they were in plain folders. */
export async function addNested(
  root: string,
  nested: readonly string[],
  given: GitInput = {},
): Promise<void> {
  for (const folder of nested) {
    const files = await namesIn(join(charactersOf(root), folder), 0);
    if (files.length === 0) continue;
    const input = listOf(files.map(path => `${folder}/${path}`));
    await gitWith(root, { ...given, input }, 'update-index', '--add', '-z', '--stdin');
  }
}

/** Returns the files of a repository without ignored ones, and those of the repositories in it. */
async function namesIn(repository: string, depth: number): Promise<string[]> {
  const folder = textOf(repository);
  if (depth === MAX_DEPTH || folder === undefined) return [];
  const options = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'];
  const files: string[] = [];
  for (const path of await gitPaths(folder, ...options)) {
    const stats = await lstat(bytesOf(join(repository, path))).catch(() => undefined);
    if (stats === undefined) continue;
    if (!stats.isDirectory()) files.push(path);
    else {
      const inner = path.replace(/\/$/, '');
      for (const each of await namesIn(join(repository, inner), depth + 1)) files.push(`${inner}/${each}`);
    }
  }
  return files;
}

/** Returns a path as an argument of a program; undefined when its bytes are no text. */
function textOf(path: string): string | undefined {
  const text = readable(path);
  return charactersOf(text) === path ? text : undefined;
}

/** Repositories by their folders, as readable text, each with a text that describes its state. */
export type Copies = ReadonlyMap<string, string>;

/**
 * Returns the repositories inside of a worktree with commits or changes that no other repository is known to have: by
 * their folders, or by the remains of a submodule that is no longer checked out.
 */
export async function onlyCopiesIn(root: string, held?: Held): Promise<Copies> {
  return new Map([
    ...(await forgottenIn(root)),
    ...(await onlyCopiesUnder(root, held ?? (await heldIn(root)), 0)),
  ]);
}

async function onlyCopiesUnder(root: string, held: Held, depth: number): Promise<Copies> {
  const found = new Map<string, string>();
  if (depth === MAX_DEPTH) return found;
  const ignored = new Set(foldersOf(held.untracked.ignored));
  for (const folder of new Set([...(await repositoriesUnder(root, held)), ...ignored])) {
    const name = readable(folder);
    const repository = textOf(join(charactersOf(root), folder));
    // Git can't be called for a folder whose name is no text, so that its content is unknown.
    if (repository === undefined) found.set(name, randomUUID());
    else if (await isOnlyCopy(repository, !ignored.has(folder)))
      found.set(name, await stateOfCopy(repository));
    else if (await isThere(join(repository, '.git'))) {
      const inside = await onlyCopiesUnder(repository, await heldIn(repository), depth + 1);
      for (const [inner, state] of inside) found.set(`${name}/${inner}`, state);
    }
  }
  return found;
}

async function stateOfCopy(repository: string): Promise<string> {
  const files = await filesOf(repository).catch(() => [randomUUID()]);
  const state = [...files, await refsIn(repository)];
  return createHash('sha1').update(JSON.stringify(state)).digest('hex');
}

const refsIn = (repository: string, ...where: readonly string[]): Promise<string> =>
  git(repository, ...where, 'for-each-ref').catch(() => randomUUID());

/** Returns submodules, new repositories, and repositories whose files a branch has, which git no longer lists. */
async function repositoriesUnder(root: string, { untracked, index }: Held): Promise<Set<string>> {
  const found = new Set(foldersOf(untracked.added));
  const folders = new Set<string>();
  for (const { path: file, isLink } of index) {
    if (isLink) found.add(file);
    for (let at = file.lastIndexOf('/'); at > 0; at = file.lastIndexOf('/', at - 1)) {
      const folder = file.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  const isRepository = async (folder: string): Promise<boolean> =>
    isThere(bytesOf(join(charactersOf(root), folder, '.git')));
  const areRepositories = await Promise.all([...folders].map(isRepository));
  for (const [at, folder] of [...folders].entries()) if (areRepositories[at]!) found.add(folder);
  return found;
}

/** @param isLookedInto true when uncommitted changes count; in an ignored repository they are ignored files */
async function isOnlyCopy(repository: string, isLookedInto: boolean): Promise<boolean> {
  if (!(await isThere(join(repository, '.git')))) return false;
  if (isLookedInto && (await changesIn(repository).catch(() => ['?'])).length > 0) return true;
  return hasOwnCommits(repository);
}

/** True when a commit is on no known branch of a remote, and when git fails. */
async function hasOwnCommits(repository: string, ...where: readonly string[]): Promise<boolean> {
  // A repository without a commit has only its files.
  const hasHead = await gitSucceeds(repository, ...where, 'rev-parse', '--verify', '--quiet', 'HEAD');
  const refs = await git(repository, ...where, 'for-each-ref', '--count=1').catch(() => '?');
  if (!hasHead && refs === '') return false;
  const own = [...where, 'rev-list', '--max-count=1', '--all', ...(hasHead ? ['HEAD'] : []), '--not'];
  const output = await git(repository, ...own, '--remotes').catch(() => '?');
  return output.trim() !== '';
}

/** Returns submodules that are no longer checked out; git keeps their commits as long as the worktree. */
async function forgottenIn(root: string): Promise<Copies> {
  const output = await readFile(join(root, '.git'), 'utf8').catch(() => '');
  const [, own] = /^gitdir: (.+)\n?$/.exec(output) ?? [];
  const found = new Map<string, string>();
  if (own === undefined) return found;
  const modules = join(resolve(root, own), 'modules');
  for (const repository of await modulesUnder(modules, 0)) {
    const where = `--git-dir=${repository}`;
    if (await hasOwnCommits(root, where)) found.set(relative(modules, repository), await refsIn(root, where));
  }
  return found;
}

/** Returns the repositories of submodules in a folder, and of their submodules. */
async function modulesUnder(folder: string, depth: number): Promise<string[]> {
  if (depth === MAX_DEPTH) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const inner = join(folder, entry.name);
    if (!(await isThere(join(inner, 'HEAD')))) found.push(...(await modulesUnder(inner, depth + 1)));
    else found.push(inner, ...(await modulesUnder(join(inner, 'modules'), depth + 1)));
  }
  return found;
}

/** Returns the submodules of a worktree whose folders are empty, as readable text. */
export async function emptySubmodulesIn(root: string): Promise<string[]> {
  if (!(await isThere(join(root, '.gitmodules')))) return [];
  const found: string[] = [];
  for (const { path: folder, isLink } of await indexOf(root)) {
    if (!isLink) continue;
    const held = await readdir(bytesOf(join(charactersOf(root), folder))).catch(() => []);
    if (held.length === 0) found.push(readable(folder));
  }
  return found;
}
