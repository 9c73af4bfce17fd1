import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * The declared files as a slow model sees them: it looks at every file, asks git about each one, and remembers nothing.
 * Two states are equal when these texts are.
 */
export function inputsModel(dir: string, globs: readonly string[], without: readonly string[]): string {
  views = new Map();
  const wanted = globs.filter(glob => !glob.startsWith('!'));
  const unwanted = globs.filter(glob => glob.startsWith('!')).map(glob => glob.slice(1));
  const isUnwanted = (path: string): boolean =>
    unwanted.some(glob => names(dir, glob, path)) || outputNames(dir, without, path);
  const lines = new Set<string>();
  for (const glob of wanted) {
    const { visible, repositories, isThroughLink } = visibleFrom(dir, glob);
    if (isThroughLink) return '';
    const isNamed = (path: string): boolean =>
      !isUnwanted(path) &&
      (wanted.some(each => names(dir, each, path)) ||
        repositories.some(each => isBelow(path, each) && wanted.some(one => names(dir, one, each))));
    const found = [...visible].filter(([path]) => isNamed(path));
    for (const [path, at] of found) lines.add(`${path} ${describe(at)}`);
    for (const each of repositories)
      if (isNamed(each) || found.some(([path]) => isBelow(path, each)))
        lines.add(`${each} at ${gitOrNothing(each, 'rev-parse', '--verify', '-q', 'HEAD')}`);
  }
  return [...lines].sort().join('\n');
}

/** As `inputsModel`, for outputs, which no ignore rule hides, and whose folder may be a link to another. */
export function outputsModel(dir: string, globs: readonly string[]): string {
  const bases = globs.filter(glob => !glob.startsWith('!')).map(glob => baseOf(dir, glob).base);
  const paths = [...everythingBelow(dir), ...bases.flatMap(base => entriesOf(base).flatMap(everythingBelow))];
  const named = [...new Set(paths)].filter(path => outputNames(dir, globs, path));
  return named
    .map(path => `${path} ${describe(path)}`)
    .sort()
    .join('\n');
}

/** The paths in a folder, or in the one that a link names; none for what is neither. */
function entriesOf(path: string): string[] {
  try {
    return readdirSync(path).map(name => join(path, name));
  } catch {
    return [];
  }
}

/** The folder that a glob is relative to, and the path before its first wildcard. */
function baseOf(dir: string, glob: string): { readonly root: string; readonly base: string } {
  const root = resolve(dir, /^(?:\.\.\/)*/.exec(glob)![0]);
  const segments = glob.replace(/^(?:\.\.\/)*/, '').split('/');
  const wild = segments.findIndex(segment => /[*{]/.test(segment));
  return { root, base: resolve(root, ...segments.slice(0, wild === -1 ? undefined : wild)) };
}

const outputNames = (dir: string, globs: readonly string[], path: string): boolean =>
  globs.some(glob => !glob.startsWith('!') && names(dir, glob, path)) &&
  !globs.some(glob => glob.startsWith('!') && names(dir, glob.slice(1), path));

const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

/** The visible files for one glob: the path by which it is named, and the path where it is. */
function visibleFrom(
  dir: string,
  glob: string,
): {
  readonly visible: ReadonlyMap<string, string>;
  readonly repositories: readonly string[];
  readonly isThroughLink: boolean;
} {
  const { root, base } = baseOf(dir, glob);
  const isLinkItself = lstatOf(base)?.isSymbolicLink() === true;
  const isThroughLink = isLinkItself || (existsSync(base) && realpathSync(base) !== base);
  const top = topOf(root);
  const repositories = top === undefined ? [] : repositoriesIn(top);
  const all = everythingBelow(top ?? base).filter(path => isVisible(path, top, repositories));
  return { visible: new Map(all.map(path => [path, path])), repositories, isThroughLink };
}

/** Below a file there is nothing. */
function lstatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function topOf(folder: string): string | undefined {
  if (existsSync(join(folder, '.git'))) return folder;
  return folder === '/' ? undefined : topOf(dirname(folder));
}

/** All files below a folder, or the file itself, but nothing in `.git`. */
function everythingBelow(path: string): string[] {
  const stat = lstatOf(path);
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(path)
    .filter(name => name !== '.git')
    .flatMap(name => everythingBelow(join(path, name)));
}

/** The visible repositories in a repository. */
function repositoriesIn(top: string): string[] {
  const candidates = foldersBelow(top).filter(
    path => existsSync(join(path, '.git')) || isSubmodule(top, path),
  );
  const outer = candidates.filter(path => !candidates.some(other => isBelow(path, other)));
  return outer
    .filter(path => isSubmodule(top, path) || !isIgnored(top, `${path}/`))
    .flatMap(path => [path, ...(existsSync(join(path, '.git')) ? repositoriesIn(path) : [])]);
}

function foldersBelow(path: string): string[] {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && entry.name !== '.git')
    .flatMap(({ name }) => [join(path, name), ...foldersBelow(join(path, name))]);
}

const isSubmodule = (top: string, path: string): boolean => viewOf(top).submodules.has(path);

function isVisible(path: string, top: string | undefined, repositories: readonly string[]): boolean {
  if (top === undefined) return true;
  const home = topOf(dirname(path))!;
  // Also a file in a submodule that is not checked out.
  if (repositories.some(each => isBelow(path, each) && !isBelow(`${home}/`, each))) return false;
  if (home !== top && !repositories.includes(home)) return false;
  return isTracked(home, path) || !isIgnored(home, path);
}

const isTracked = (top: string, path: string): boolean => viewOf(top).tracked.has(path);
const isIgnored = (top: string, path: string): boolean => viewOf(top).ignored.has(path);

/** The paths of a repository by their standing in git. */
interface View {
  readonly tracked: ReadonlySet<string>;
  readonly submodules: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
}

/** The views of the present model. */
let views = new Map<string, View>();

function viewOf(top: string): View {
  let view = views.get(top);
  if (view === undefined) views.set(top, (view = readView(top)));
  return view;
}

function readView(top: string): View {
  const staged = lines(top, '', 'ls-files', '-z', '--stage');
  const pathOf = (line: string): string => join(top, line.slice(line.indexOf('\t') + 1));
  const submodules = staged.filter(line => line.startsWith('160000 ')).map(pathOf);
  const isInner = (path: string): boolean =>
    foldersBelow(top).some(each => isBelow(path, each) && existsSync(join(each, '.git'))) ||
    submodules.some(each => isBelow(path, each));
  const folders = foldersBelow(top);
  const asked = [...everythingBelow(top), ...folders]
    .filter(path => !isInner(path))
    .map(path => relative(top, path) + (folders.includes(path) ? '/' : ''));
  const ignored = lines(top, asked.map(path => `${path}\0`).join(''), 'check-ignore', '-z', '--stdin');
  return {
    tracked: new Set(staged.map(pathOf)),
    submodules: new Set(submodules),
    ignored: new Set(ignored.map(path => join(top, path))),
  };
}

function lines(dir: string, input: string, ...words: readonly string[]): string[] {
  const { stdout } = spawnSync('git', ['-C', dir, ...words], { encoding: 'utf8', input });
  return stdout.split('\0').filter(line => line !== '');
}

function gitOrNothing(dir: string, ...words: readonly string[]): string {
  if (!existsSync(join(dir, '.git'))) return '';
  const { status, stdout } = spawnSync('git', ['-C', dir, ...words], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}

function describe(path: string): string {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return `→ ${readlinkSync(path)}`;
  return `${stat.mode.toString(8)} ${readFileSync(path, 'latin1')}`;
}

/** True when a glob names a path: `**`, `*` and `{a,b}` alone. */
function names(dir: string, glob: string, path: string): boolean {
  const root = resolve(dir, /^(?:\.\.\/)*/.exec(glob)![0]);
  if (!isBelow(path, root)) return false;
  const pattern = glob.replace(/^(?:\.\.\/)*/, '').split('/');
  const segments = relative(root, path).split('/');
  const isFolder = !/[*{]/.test(pattern.at(-1)!);
  return (
    fits(pattern, segments) || (isFolder && segments.some((_, end) => fits(pattern, segments.slice(0, end))))
  );
}

function fits([first, ...rest]: readonly string[], segments: readonly string[]): boolean {
  if (first === undefined) return segments.length === 0;
  if (first === '**')
    return segments.length >= 0 && [...segments, ''].some((_, skip) => fits(rest, segments.slice(skip)));
  return segments.length > 0 && fitsSegment(first, segments[0]!) && fits(rest, segments.slice(1));
}

function fitsSegment(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^$()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replace(/\{([^}]*)\}/g, (_, words: string) => `(?:${words.replaceAll(',', '|')})`);
  return new RegExp(`^${source}$`, 's').test(name);
}

/** Runs git in a folder. */
export function git(dir: string, ...words: readonly string[]): string {
  const settings = [
    '-c',
    'user.name=Tester',
    '-c',
    'user.email=tester@example.org',
    '-c',
    'protocol.file.allow=always',
  ];
  return execFileSync('git', ['-C', dir, ...settings, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
