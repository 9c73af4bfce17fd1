import * as v from 'valibot';
import type { Folder } from './folder.ts';

/** `package.json`, as far as a plan needs it. */
export const packageSchema = v.looseObject({
  name: v.optional(v.string('must be text')),
  packageManager: v.optional(v.unknown()),
  devEngines: v.optional(v.unknown()),
  scripts: v.optional(v.record(v.string(), v.unknown(), 'must be an object'), {}),
  workspaces: v.optional(v.unknown()),
  dependencies: v.optional(v.unknown()),
  devDependencies: v.optional(v.unknown()),
  nx: v.optional(v.unknown()),
});
export type Package = v.InferOutput<typeof packageSchema>;

const MANAGERS = ['npm', 'pnpm', 'yarn', 'bun'] as const;
export type Manager = (typeof MANAGERS)[number];

const LOCK_FILES: readonly (readonly [Manager, readonly string[]])[] = [
  ['pnpm', ['pnpm-lock.yaml', 'pnpm-workspace.yaml']],
  ['yarn', ['yarn.lock', '.yarnrc.yml', '.yarnrc']],
  ['bun', ['bun.lock', 'bun.lockb']],
  ['npm', ['package-lock.json', 'npm-shrinkwrap.json']],
];

/** Returns the package manager that `package.json` names, else that of the lock file; undefined without either. */
export function namedManager(
  folder: Pick<Folder, 'has'>,
  { packageManager, devEngines }: Pick<Package, 'packageManager' | 'devEngines'>,
): Manager | undefined {
  const engine = (devEngines as { packageManager?: { name?: unknown } } | null | undefined)?.packageManager;
  const named = [packageManager, engine?.name].find(each => typeof each === 'string') ?? '';
  const [name] = named.split('@');
  const manager = MANAGERS.find(each => each === name);
  return manager ?? LOCK_FILES.find(([, files]) => folder.has(...files))?.[0];
}

/** Returns the package manager of a folder; npm where nothing names one. */
export const managerOf = (folder: Folder, root: Package): Manager => namedManager(folder, root) ?? 'npm';

/** Returns the command that runs a script. */
export function runScript(manager: Manager, script: string): string {
  // `bun test` is another runner.
  return script === 'test' && manager !== 'bun' ? `${manager} test` : `${manager} run ${script}`;
}

/** Returns the prefix that runs a program of the dependencies. */
export const execOf = (manager: Manager): string =>
  ({ npm: 'npx', pnpm: 'pnpm exec', yarn: 'yarn', bun: 'bunx' })[manager];
