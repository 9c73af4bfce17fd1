import { chooseTasks, isPlainName, type Task } from './choose-tasks.ts';
import type { Folder } from './folder.ts';
import {
  execOf,
  managerOf,
  packageSchema,
  runScript,
  type Manager,
  type Package,
} from './package-manager.ts';
import type { Found, Proposal, Reader } from './proposal.ts';
import { isDelegating, tasksOfScripts } from './scripts.ts';
import {
  nxProject,
  nxRule,
  nxTargetNames,
  TaskGraph,
  turboRule,
  type NxProject,
  type Project,
  type Step,
} from './task-graph.ts';
import { dirsOf, membersOf, type Member } from './workspaces.ts';

/** Reads the scripts of `package.json` and its workspaces, with the task graphs of turbo and nx. */
export const readPackages: Reader = {
  files: /^(package\.json|pnpm-workspace\.yaml|lerna\.json|turbo\.jsonc?|nx\.json|project\.json)$/,
  marker: /^package\.json$/,
  isNested: true,
  read(folder) {
    const root = folder.json('package.json', packageSchema);
    return root === undefined ? null : new Workspace(folder, root).read();
  },
};

class Workspace {
  readonly #folder: Folder;
  readonly #root: Package;
  readonly #manager: Manager;

  constructor(folder: Folder, root: Package) {
    this.#folder = folder;
    this.#root = root;
    this.#manager = managerOf(folder, root);
  }

  read(): Found {
    const members = membersOf(this.#folder, this.#root);
    const nx = this.#nxProjects();
    const projects = this.#projects(members, nx);
    const root = this.#rootProject(projects);
    const packages = new Map(members.map(each => [each.dir, each.package['nx']]));
    const turbo = turboRule(this.#folder);
    const rule = turbo ?? nxRule(this.#folder, nx, packages) ?? (() => undefined);
    const graph = new TaskGraph([...projects, root], rule);
    const chosen = projects.map(project => ({ project, tasks: chooseTasks(project.tasks) }));
    for (const { project, tasks } of chosen)
      for (const { name, depends } of tasks) graph.add(project, name, depends);
    const counts = new Map<string, number>();
    for (const { name } of chosen.flatMap(({ tasks }) => tasks))
      counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const { name, depends } of chooseTasks(root.tasks))
      if (!this.#isCovered(name, counts.get(name) ?? 0, projects.length)) graph.add(root, name, depends);
    const tool = turbo !== undefined ? ', turbo' : this.#folder.has('nx.json') ? ', nx' : '';
    return { source: `package.json (${this.#manager}${tool})`, proposals: proposalsOf(graph.steps()) };
  }

  /** True for a script of the root that the packages have themselves. */
  #isCovered(name: string, count: number, all: number): boolean {
    return count > 0 && (count * 2 >= all || isDelegating(String(this.#root.scripts[name])));
  }

  /** The root, with its scripts and the targets that nx gives to projects of which no file tells. */
  #rootProject(projects: readonly Project[]): Project {
    const root = this.#project({ dir: '', name: this.#root.name ?? '', package: this.#root }, undefined);
    const known = new Set([root, ...projects].flatMap(({ tasks }) => [...tasks.keys()]));
    const targets = nxTargetNames(this.#folder).filter(name => !known.has(name) && isPlainName(name));
    const added = targets.map(name => [name, { runs: [], isOnlyThese: false }] as const);
    return {
      ...root,
      tasks: new Map([...root.tasks, ...added]),
      commandOf: task =>
        targets.includes(task)
          ? { run: `${execOf(this.#manager)} nx run-many -t ${task}`, isLocal: true }
          : root.commandOf(task),
    };
  }

  #nxProjects(): ReadonlyMap<string, NxProject> {
    if (!this.#folder.has('nx.json')) return new Map();
    const dirs = dirsOf(this.#folder, 'project.json', ['**']);
    return new Map(
      dirs.flatMap(dir => {
        const found = nxProject(this.#folder, dir);
        return found === undefined ? [] : [[dir, found] as const];
      }),
    );
  }

  #projects(members: readonly Member[], nx: ReadonlyMap<string, NxProject>): readonly Project[] {
    const byDir = new Map<string, Project>();
    for (const member of members) byDir.set(member.dir, this.#project(member, nx.get(member.dir)));
    for (const [dir, project] of nx)
      if (!byDir.has(dir))
        byDir.set(dir, this.#project({ dir, name: dir.split('/').at(-1)!, package: null }, project));
    for (const { dir, needs } of members)
      byDir.get(dir)!.needs.push(...needs.map(each => byDir.get(each.dir)!));
    const byName = new Map([...byDir.values()].map(project => [project.name, project]));
    for (const [dir, { implicitDependencies: names }] of nx)
      byDir.get(dir)!.needs.push(...names.flatMap(name => byName.get(name) ?? []));
    return [...byDir.values()];
  }

  #project(
    {
      dir,
      name,
      package: own,
    }: { readonly dir: string; readonly name: string; readonly package: Package | null },
    nx: NxProject | undefined,
  ): Project {
    const targets = Object.keys(nx?.targets ?? {});
    const called = nx?.name ?? name;
    const isNamed = /^[@A-Za-z0-9][A-Za-z0-9@/._-]*$/.test(called);
    const nxTasks = new Map<string, Task>(
      (isNamed ? targets : []).filter(isPlainName).map(each => [each, { runs: [], isOnlyThese: false }]),
    );
    return {
      dir,
      name: called,
      tasks: new Map([...tasksOfScripts(own?.scripts ?? {}), ...nxTasks]),
      commandOf: task =>
        nxTasks.has(task)
          ? { run: `${execOf(this.#manager)} nx run ${called}:${task}`, isLocal: false }
          : { run: runScript(this.#manager, task), isLocal: true },
      needs: [],
    };
  }
}

/** Returns the subtasks of steps. Packages whose commands differ only in their folder share one, with a matrix. */
function proposalsOf(steps: readonly Step[]): readonly Proposal[] {
  const common = commonParent(steps.map(({ project }) => project.dir));
  const labelOf = ({ dir }: Project): string => dir.slice(common.length);
  const nameOf = ({ project, task }: Step): string =>
    project.dir === '' ? task : `${task}-${labelOf(project)}`;
  const groups = new Map<string, { readonly steps: Step[]; readonly proposal: Proposal }>();
  for (const step of steps) {
    const { project, task } = step;
    const { run, isLocal } = project.commandOf(task);
    const place = '${{ matrix.package }}';
    const own = (text: string): string => (isLocal && project.dir !== '' ? place : text);
    const first = [...step.first];
    const depends = first.map(each =>
      each.project === project && project.dir !== '' ? `${each.task}-${own(labelOf(project))}` : nameOf(each),
    );
    const proposal: Proposal = {
      name: project.dir === '' ? task : `${task}-${own(labelOf(project))}`,
      run,
      ...(project.dir === '' || !isLocal ? {} : { dir: `${common}${place}` }),
      ...(depends.length > 0 ? { depends: depends.sort() } : {}),
    };
    const key = JSON.stringify(proposal);
    const group = groups.get(key) ?? { steps: [], proposal };
    group.steps.push(step);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ steps: all, proposal }) => {
    const labels = all.map(({ project }) => labelOf(project));
    if (proposal.dir === undefined) return proposal;
    return all.length > 1 ? { ...proposal, matrix: { package: labels } } : filled(proposal, labels[0]!);
  });
}

function filled(proposal: Proposal, label: string): Proposal {
  const fill = (text: string): string => text.replaceAll('${{ matrix.package }}', () => label);
  const { dir, depends, ...rest } = proposal;
  return {
    ...rest,
    name: fill(proposal.name),
    ...(dir === undefined ? {} : { dir: fill(dir) }),
    ...(depends === undefined ? {} : { depends: depends.map(fill) }),
  };
}

/** Returns the one folder in which all these lie directly, such as `packages/`; '' if they lie in several. */
function commonParent(dirs: readonly string[]): string {
  const parents = new Set(dirs.filter(dir => dir !== '').map(dir => dir.slice(0, dir.lastIndexOf('/') + 1)));
  return parents.size === 1 ? [...parents][0]! : '';
}
