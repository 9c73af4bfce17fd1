import { likeness } from '../../domain/model/did-you-mean.ts';

/** A script, target or recipe of a tool. */
export interface Task {
  /** The other tasks that it runs, as names or patterns such as `lint:*`. */
  readonly runs: readonly string[];
  /** True if it does nothing but run these. */
  readonly isOnlyThese: boolean;
}

export type Tasks = ReadonlyMap<string, Task>;

/** Matches names of tasks that check a folder and end by themselves, unlike servers and watchers. */
const CHECK =
  /^(type-?checks?|types|check[:-]types?|tsc|lint|eslint|fmt[:-]?check|check[:-]?fmt|format[:-]check|check[:-]format|prettier[:-]check|vet|clippy|tests?|unit|unit-?tests?|build|compile|check|verify)$/i;
/** Matches a task that usually runs other checks. */
const SUMMARY = /^(check|verify)$/i;
/** Matches part of a check, such as `test:unit` or `lint-css`. */
const PART = /^(lint|tests?|check|type-?check|types|format[:-]check)[:_-](.+)$/i;
/** Matches the endings of parts that change files, wait for a person, or repeat a check another way. */
const VARIANT =
  /(^|[:_-])(watch|fix|write|dev|debug|update|ui|open|headed|browser|coverage|cov|ci|all|only|changed|staged|inspect|bench|release|publish|clean|snapshots?|image|setup|deps)([:_-]|$)/i;

export const isBuild = (name: string): boolean => /^(build|compile)$/i.test(name);

const isTest = (name: string): boolean => /^(unit-?)?(tests?|unit)([:_-]|$)/i.test(name);

/** True for a name that can stand in a command line as it is. */
export const isPlainName = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9:._-]{0,100}$/.test(name);

/** A task that was chosen, with the chosen builds that must come first. */
export interface Chosen {
  readonly name: string;
  readonly depends: readonly string[];
}

/** Returns the tasks that check a folder. A task that only runs others is replaced by them. */
export function chooseTasks(tasks: Tasks): readonly Chosen[] {
  const names = [...tasks.keys()].filter(isPlainName);
  const checks = names.filter(name => CHECK.test(name));
  const base = checks.length > 0 ? checks : names.filter(isPart);
  const builds = new Map<string, Set<string>>();
  const found = new Set(base.flatMap(name => expanded(name, tasks, builds, new Set())));
  const all = names.filter(name => found.has(name));
  const parts = all.filter(name => !SUMMARY.test(name));
  const chosen = parts.length > 1 ? parts : all.slice(0, 1);
  return chosen.map(name => {
    const before = new Set([...buildsOf(name, tasks), ...(builds.get(name) ?? [])]);
    return { name, depends: chosen.filter(other => other !== name && before.has(other)) };
  });
}

const isPart = (name: string): boolean => {
  const ending = PART.exec(name)?.[2];
  return ending !== undefined && !VARIANT.test(ending);
};

function expanded(
  name: string,
  tasks: Tasks,
  builds: Map<string, Set<string>>,
  seen: Set<string>,
): readonly string[] {
  if (seen.has(name)) return [];
  seen.add(name);
  const { runs, isOnlyThese } = tasks.get(name)!;
  const others = runs.flatMap(run => matching(run, tasks));
  const isSplit = isOnlyThese && !isBuild(name) && others.length > 0 && others.every(isSafe);
  if (!isSplit) return [name];
  const parts = others.flatMap(other => expanded(other, tasks, builds, seen));
  const first = parts.filter(isBuild);
  for (const part of parts)
    if (isTest(part)) builds.set(part, new Set([...(builds.get(part) ?? []), ...first]));
  return parts;
}

const isSafe = (name: string): boolean => isPlainName(name) && (CHECK.test(name) || isPart(name));

/** Returns the names of the builds that a task runs itself, directly or through others. */
function buildsOf(name: string, tasks: Tasks, seen = new Set<string>()): readonly string[] {
  if (seen.has(name)) return [];
  seen.add(name);
  const others = (tasks.get(name)?.runs ?? []).flatMap(run => matching(run, tasks));
  return others.flatMap(other => [...(isBuild(other) ? [other] : []), ...buildsOf(other, tasks, seen)]);
}

function matching(run: string, tasks: Tasks): readonly string[] {
  if (!run.includes('*')) return tasks.has(run) ? [run] : [];
  return [...tasks.keys()].filter(likeness(run.replace(/\*+/g, '*'))).slice(0, 50);
}
