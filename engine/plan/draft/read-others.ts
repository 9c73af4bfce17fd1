import * as v from 'valibot';
import { chooseTasks } from './choose-tasks.ts';
import type { Folder } from './folder.ts';
import type { Proposal, Reader } from './proposal.ts';
import { tasksOfScripts } from './scripts.ts';

const scripts = v.optional(v.record(v.string(), v.unknown(), 'must be an object'), {});

/** Reads the tasks of Deno. */
export const readDeno: Reader = {
  files: /^deno\.jsonc?$/,
  marker: /^deno\.jsonc?$/,
  read(folder) {
    const file = folder.has('deno.json') ? 'deno.json' : 'deno.jsonc';
    const found = folder.json(file, v.looseObject({ tasks: scripts }));
    return found === undefined ? null : { source: file, proposals: named(found.tasks, 'deno task') };
  },
};

/** Reads the scripts of Composer. */
export const readComposer: Reader = {
  files: /^composer\.json$/,
  marker: /^composer\.json$/,
  isNested: true,
  read(folder) {
    const found = folder.json('composer.json', v.looseObject({ scripts }));
    return found === undefined
      ? null
      : { source: 'composer.json', proposals: named(lines(found.scripts), 'composer run') };
  },
};

/** Returns scripts in which a list of commands is one text. */
const lines = (all: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(all).map(([name, run]) => [name, Array.isArray(run) ? run.map(String).join(' && ') : run]),
  );

function named(all: Readonly<Record<string, unknown>>, command: string): readonly Proposal[] {
  return chooseTasks(tasksOfScripts(all)).map(({ name, depends }) => ({
    name,
    run: `${command} ${name}`,
    depends,
  }));
}

/** The tools whose own command tests a project, by the file that says so. */
const TOOLS: readonly (readonly [file: string, name: string, run: string])[] = [
  ['gradlew', 'check', './gradlew check'],
  ['mvnw', 'test', './mvnw -q test'],
  ['pom.xml', 'test', 'mvn -q test'],
  ['mix.exs', 'test', 'mix test'],
  ['.rspec', 'test', 'bundle exec rspec'],
];

/** Reads the projects of tools that need no more than one command. */
export const readTools: Reader = {
  files: /^$/,
  marker: /^(gradlew|mvnw|pom\.xml|mix\.exs|\.rspec|[^/]+\.slnx?)$/,
  isNested: true,
  read: (folder: Folder) => {
    const [file, name, run] = TOOLS.find(([each]) => folder.has(each)) ?? dotnet(folder) ?? [];
    return file === undefined ? null : { source: file, proposals: [{ name: name!, run: run! }] };
  },
};

function dotnet(folder: Folder): readonly [string, string, string] | undefined {
  const file = folder.paths.find(path => /^[^/]+\.slnx?$/.test(path));
  return file === undefined ? undefined : [file, 'test', 'dotnet test'];
}
