import * as v from 'valibot';
import { isBuild, type Tasks } from './choose-tasks.ts';
import type { Folder } from './folder.ts';

/** A package or project whose tasks can be proposed. */
export interface Project {
  /** Its folder, relative to the workspace; '' for the workspace itself. */
  readonly dir: string;
  readonly name: string;
  readonly tasks: Tasks;
  /** Returns the command of a task, and whether it runs in the project's own folder. */
  readonly commandOf: (task: string) => { readonly run: string; readonly isLocal: boolean };
  /** The projects that it depends on. */
  readonly needs: Project[];
}

/** The tasks that must come first, in the words of turbo: `build`, `^build`, `web#build`. Undefined: not stated. */
export type Rule = (project: Project, task: string) => readonly string[] | undefined;

/** A task of a project, and those that must come first. */
export interface Step {
  readonly project: Project;
  readonly task: string;
  readonly first: Set<Step>;
}

/** Matches tasks that never end, or that change more than the folder. Nothing waits for them. */
const NEVER_FIRST = /deploy|publish|release|clean|install|^(dev|start|serve|watch|preview)$/i;

/** The tasks of a workspace, in the order that its tools state. */
export class TaskGraph {
  readonly #steps = new Map<string, Step>();
  readonly #projects: ReadonlyMap<string, Project>;
  readonly #rule: Rule;

  constructor(projects: readonly Project[], rule: Rule) {
    this.#projects = new Map(projects.map(project => [project.name, project]));
    this.#rule = rule;
  }

  /** Adds a task of a project, with all that must come first. */
  add(project: Project, task: string, builds: readonly string[] = []): Step {
    const key = `${project.dir}\0${task}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const step: Step = { project, task, first: new Set() };
    this.#steps.set(key, step);
    const words = [...(this.#rule(project, task) ?? usualRule(task)), ...builds];
    for (const first of this.#meant(project, words, new Set([key])))
      if (first !== step) step.first.add(first);
    return step;
  }

  /** Returns all steps. A cycle of packages is cut: a plan has none. */
  steps(): readonly Step[] {
    const [open, done] = [new Set<Step>(), new Set<Step>()];
    const visit = (step: Step): void => {
      open.add(step);
      for (const first of [...step.first]) {
        if (open.has(first)) step.first.delete(first);
        else if (!done.has(first)) visit(first);
      }
      open.delete(step);
      done.add(step);
    };
    for (const step of this.#steps.values()) if (!done.has(step)) visit(step);
    return [...this.#steps.values()];
  }

  /** Returns the steps that words mean. Where a project lacks the task, what that would wait for takes its place. */
  #meant(project: Project, words: readonly string[], seen: Set<string>): readonly Step[] {
    return words.flatMap(word => {
      if (word.startsWith('$')) return [];
      if (word.startsWith('^')) return project.needs.flatMap(each => this.#step(each, word.slice(1), seen));
      const [name, task] = word.includes('#') ? word.split('#', 2) : [project.name, word];
      const of = name === '//' ? this.#root : this.#projects.get(name!);
      return of === undefined ? [] : this.#step(of, task!, seen);
    });
  }

  get #root(): Project | undefined {
    return [...this.#projects.values()].find(({ dir }) => dir === '');
  }

  #step(project: Project, task: string, seen: Set<string>): readonly Step[] {
    if (project.tasks.has(task) && !NEVER_FIRST.test(task)) return [this.add(project, task)];
    const key = `${project.dir}\0${task}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return this.#meant(project, this.#rule(project, task) ?? usualRule(task), seen);
  }
}

/** The order where no tool states one: a package is built, tested and typed after the packages that it depends on. */
const usualRule = (task: string): readonly string[] =>
  isBuild(task) || /^(unit-?)?tests?([:_-]|$)|type|tsc/i.test(task) ? ['^build', '^compile'] : [];

const turboTask = v.looseObject({
  dependsOn: v.optional(v.array(v.string('must be text'), 'must be a list')),
});
const turboTasks = v.optional(v.record(v.string(), turboTask, 'must be an object'), {});
const turboSchema = v.looseObject({ tasks: turboTasks, pipeline: turboTasks });

/** Reads the task graph of `turbo.json`; undefined without one. A package may have one of its own. */
export function turboRule(folder: Folder): Rule | undefined {
  const file = ['turbo.json', 'turbo.jsonc'].find(name => folder.has(name));
  const root = file === undefined ? undefined : folder.json(file, turboSchema);
  if (root === undefined) return undefined;
  const all = new Map(Object.entries({ ...root.pipeline, ...root.tasks }));
  const own = new Map<string, ReadonlyMap<string, v.InferOutput<typeof turboTask>>>();
  const ownOf = (dir: string): ReadonlyMap<string, v.InferOutput<typeof turboTask>> => {
    const known =
      own.get(dir) ?? new Map(Object.entries(folder.json(`${dir}/turbo.json`, turboSchema)?.tasks ?? {}));
    own.set(dir, known);
    return known;
  };
  return ({ dir, name }, task) =>
    (dir === '' ? undefined : ownOf(dir).get(task)?.dependsOn) ??
    (all.get(`${dir === '' ? '//' : name}#${task}`) ?? all.get(task))?.dependsOn ??
    (all.has(task) ? [] : undefined);
}

const nxTarget = v.looseObject({ dependsOn: v.optional(v.array(v.unknown(), 'must be a list')) });
const nxTargets = v.optional(v.record(v.string(), nxTarget, 'must be an object'), {});
const nxSchema = v.looseObject({
  targetDefaults: nxTargets,
  plugins: v.optional(v.array(v.unknown(), 'must be a list'), []),
});
const nxProjectSchema = v.looseObject({
  name: v.optional(v.string('must be text')),
  targets: nxTargets,
  implicitDependencies: v.optional(v.array(v.string('must be text'), 'must be a list'), []),
});
export type NxProject = v.InferOutput<typeof nxProjectSchema>;
const nxMemberSchema = v.optional(v.looseObject({ targets: nxTargets }), {});

/** Returns the project that `project.json` describes. */
export const nxProject = (folder: Folder, dir: string): NxProject | undefined =>
  folder.json(`${dir}/project.json`, nxProjectSchema);

/** Returns the names of targets that `nx.json` knows: those with defaults, and those that plugins add to projects. */
export function nxTargetNames(folder: Folder): readonly string[] {
  const nx = folder.json('nx.json', nxSchema);
  const options = (nx?.plugins ?? []).map(each => (each as { options?: unknown } | null)?.options);
  const named = options.flatMap(each =>
    typeof each === 'object' && each !== null ? Object.entries(each) : [],
  );
  const ofPlugins = named.filter(([key]) => /targetName$/i.test(key)).map(([, name]) => name as unknown);
  return [...Object.keys(nx?.targetDefaults ?? {}), ...ofPlugins].filter(name => typeof name === 'string');
}

/** Reads the task graph of `nx.json` and the projects; undefined without one. */
export function nxRule(
  folder: Folder,
  projects: ReadonlyMap<string, NxProject>,
  members: ReadonlyMap<string, unknown>,
): Rule | undefined {
  const defaults = folder.json('nx.json', nxSchema)?.targetDefaults;
  if (defaults === undefined) return undefined;
  const own = ({ dir }: Project, task: string): readonly unknown[] | undefined => {
    const member = v.safeParse(nxMemberSchema, members.get(dir));
    const targets = [projects.get(dir)?.targets, member.success ? member.output.targets : undefined];
    return targets.map(each => each?.[task]?.dependsOn).find(each => each !== undefined);
  };
  return (project, task) => (own(project, task) ?? defaults[task]?.dependsOn)?.flatMap(nxWords);
}

/** Returns a dependency of nx in the words of turbo. */
function nxWords(written: unknown): readonly string[] {
  if (typeof written === 'string') return [written.replace(/^([^^:#][^:#]*):([^:]+)$/, '$1#$2')];
  if (typeof written !== 'object' || written === null) return [];
  const { target, projects, dependencies } = written as Readonly<Record<string, unknown>>;
  if (typeof target !== 'string') return [];
  if (dependencies === true || projects === 'dependencies') return [`^${target}`];
  const named = typeof projects === 'string' ? [projects] : projects;
  if (!Array.isArray(named) || projects === 'self') return [target];
  return named.filter(each => typeof each === 'string').map(each => `${each}#${target}`);
}
