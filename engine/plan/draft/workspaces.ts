import * as v from 'valibot';
import { likeness } from '../../domain/model/did-you-mean.ts';
import type { Folder } from './folder.ts';
import { packageSchema, type Package } from './package-manager.ts';

/** The most packages of a workspace that a plan is made of. */
const MAX_PACKAGES = 200;
const MAX_PATTERNS = 100;

/** Matches the folders of packages that show or try others. */
const ASIDE =
  /(^|\/)(examples?|samples?|demos?|playgrounds?|templates?|fixtures?|__fixtures__|testdata|benchmarks?)(\/|$)/i;

/** A package of a workspace. */
export interface Member {
  /** Its folder, relative to the workspace. */
  readonly dir: string;
  readonly name: string;
  readonly package: Package;
  /** The members that it depends on. */
  readonly needs: readonly Member[];
}

const names = v.pipe(v.array(v.string('must be text'), 'must be a list'), v.maxLength(1_000));
const workspaces = v.union([names, v.looseObject({ packages: names })]);
const pnpmSchema = v.nullish(v.looseObject({ packages: v.nullish(names) }));
const lernaSchema = v.looseObject({ packages: v.optional(names) });

/** Returns the packages of a workspace, by their folders. None if the folder is no workspace. */
export function membersOf(folder: Folder, root: Package): readonly Member[] {
  const patterns = patternsOf(folder, root);
  const found = dirsOf(folder, 'package.json', patterns);
  const dirs = found.filter(dir => !ASIDE.test(dir));
  if (dirs.length < found.length)
    folder.note(`packages of examples and playgrounds are not in the plan: ${found.length - dirs.length}`);
  const packages = dirs.flatMap(dir => {
    const own = folder.json(`${dir}/package.json`, packageSchema);
    return own === undefined ? [] : [{ dir, name: own.name ?? dir, package: own, needs: [] as Member[] }];
  });
  const byName = new Map(packages.map(each => [each.name, each]));
  for (const each of packages)
    each.needs.push(...dependenciesOf(each.package).flatMap(name => byName.get(name) ?? []));
  return packages;
}

function patternsOf(folder: Folder, root: Package): readonly string[] {
  const own = v.safeParse(workspaces, root.workspaces);
  if (root.workspaces != null && !own.success) folder.note('could not read package.json: workspaces');
  const listed = own.success ? (Array.isArray(own.output) ? own.output : own.output.packages) : [];
  const pnpm = folder.yaml('pnpm-workspace.yaml', pnpmSchema)?.packages ?? [];
  const lerna = folder.json('lerna.json', lernaSchema)?.packages ?? [];
  return [...pnpm, ...listed, ...lerna];
}

/** Returns the folders that patterns such as `packages/*` mean, and in which a file with this name lies. */
export function dirsOf(folder: Folder, file: string, patterns: readonly string[]): readonly string[] {
  const all = patterns.slice(0, MAX_PATTERNS).flatMap(alternatives).slice(0, MAX_PATTERNS).map(cleaned);
  const wanted = all.filter(each => !each.startsWith('!')).map(pathLikeness);
  const unwanted = all.filter(each => each.startsWith('!')).map(each => pathLikeness(each.slice(1)));
  if (wanted.length === 0) return [];
  const dirs = folder.paths
    .filter(path => path.endsWith(`/${file}`))
    .map(path => path.slice(0, -file.length - 1))
    .filter(dir => isPlainPath(dir) && wanted.some(is => is(dir)) && !unwanted.some(is => is(dir)))
    .sort();
  if (dirs.length > MAX_PACKAGES)
    folder.note(`only the first ${MAX_PACKAGES} of ${dirs.length} packages are in the plan`);
  return dirs.slice(0, MAX_PACKAGES);
}

/** True for a path that can stand in the name of a subtask as it is. */
export const isPlainPath = (path: string): boolean => /^[A-Za-z0-9@._/+ -]{1,150}$/.test(path);

const cleaned = (pattern: string): string => pattern.replace(/^(!?)\.\//, '$1').replace(/\/+$/, '');

/** Returns the patterns that `{a,b}` stands for. */
function alternatives(pattern: string): readonly string[] {
  const [whole, inside] = /\{([^{}]*)\}/.exec(pattern) ?? [];
  if (whole === undefined || pattern.length > 500) return [pattern];
  return inside!
    .split(',')
    .slice(0, MAX_PATTERNS)
    .map(each => pattern.replace(whole, () => each));
}

/** Returns a test whether a path matches a pattern, in which `**` is any number of folders. */
function pathLikeness(pattern: string): (path: string) => boolean {
  const parts = pattern.split('/').slice(0, 20);
  const tests = parts.map(part => (part === '**' ? null : part.includes('*') ? likeness(part) : part));
  const matches = (words: readonly string[]): boolean => {
    // The parts that may come next, after each word.
    let open = closed(new Set([0]));
    for (const word of words) {
      const next = new Set<number>();
      for (const at of open) {
        if (at === tests.length) continue;
        const test = tests[at];
        if (test === null) next.add(at);
        else if (typeof test === 'string' ? test === word : test!(word)) next.add(at + 1);
      }
      open = closed(next);
    }
    return open.has(tests.length);
  };
  const closed = (open: Set<number>): Set<number> => {
    for (const at of open) if (tests[at] === null) open.add(at + 1);
    return open;
  };
  return path => matches(path.split('/'));
}

function dependenciesOf({ dependencies, devDependencies }: Package): readonly string[] {
  return [dependencies, devDependencies].flatMap(each =>
    typeof each === 'object' && each !== null ? Object.keys(each) : [],
  );
}
