import { posix } from 'node:path';
import picomatch from 'picomatch';
import { charactersOf, readable } from '../git/git.ts';

/** Globs in a folder. A path is absolute here, with one character for each byte, as in `gitPaths`. */
export interface Globs {
  /** The folders that the globs are relative to, each with the files or folders that contain all matches. */
  readonly places: ReadonlyMap<string, readonly string[]>;
  /** Returns true for a path that a glob names. */
  includes(path: string): boolean;
  /** Returns true for a path that a glob with `!` names. */
  excludes(path: string): boolean;
}

/** Compiles the globs of a subtask. @param dir the real path of its folder */
export function compileGlobs(dir: string, globs: readonly string[]): Globs {
  const compiled = globs.map(text => compileGlob(dir, text));
  const included = compiled.filter(({ isExclusion }) => !isExclusion);
  const excluded = compiled.filter(({ isExclusion }) => isExclusion);
  const places = new Map<string, string[]>();
  for (const { root, base } of included) places.set(root, [...(places.get(root) ?? []), base]);
  return {
    places,
    includes: path => included.some(({ names }) => names(path)),
    excludes: path => excluded.some(({ names }) => names(path)),
  };
}

interface Glob {
  /** The folder that it is relative to. */
  readonly root: string;
  /** The file or folder of the segments before the first wildcard. */
  readonly base: string;
  readonly isExclusion: boolean;
  readonly names: (path: string) => boolean;
}

const PARTS = /^(!?)((?:\.\.\/)*)(?:\.\/)*(.*?)\/*$/s;

function compileGlob(dir: string, text: string): Glob {
  const [, exclusion, up, pattern] = PARTS.exec(text) as unknown as readonly [string, string, string, string];
  const root = posix.resolve(dir, up);
  const segments = pattern.split('/');
  const wild = segments.findIndex(isWild);
  const isName = wild === -1;
  const base = posix.resolve(root, charactersOf((isName ? segments : segments.slice(0, wild)).join('/')));
  const matches = matcherOf(pattern, isName || !isWild(segments.at(-1)!));
  const prefix = root === '/' ? root : `${root}/`;
  const names = (path: string): boolean =>
    path.startsWith(prefix) && matches(readable(path.slice(prefix.length)));
  return { root, base, isExclusion: exclusion === '!', names };
}

/** Hidden files count, and a name may contain a line break. `compileGlob` reads the exclamation mark. */
const OPTIONS = { dot: true, nonegate: true, flags: 's' } as const;

/** @param isFolder true when the pattern also names all files below what it matches */
function matcherOf(pattern: string, isFolder: boolean): (path: string) => boolean {
  if (pattern === '' || pattern === '.') return () => true;
  // Most globs name one file or folder.
  if (!isWild(pattern) && posix.normalize(pattern) === pattern)
    return path => path === pattern || path.startsWith(`${pattern}/`);
  const isMatch = picomatch(pattern, OPTIONS);
  if (!isFolder) return path => isMatch(path);
  const isBelow = picomatch(`${pattern}/**`, OPTIONS);
  return path => isMatch(path) || isBelow(path);
}

const isWild = (segment: string): boolean => /[*?[\]{}()!+@\\|]/.test(segment);
