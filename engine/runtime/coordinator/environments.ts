import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FleetError, systemCodeOf } from '../../errors.ts';
import { requireOwnFolder, runtimeFolder } from '../../home/runtime.ts';
import type { HomePaths } from '../../home/paths.ts';
import { hash } from '../../record/hash.ts';

/** The environment of a process that submitted a fan-out. */
export type Environment = Readonly<Record<string, string>>;

const NAME = /^[0-9a-f]{32}$/;

/**
 * Stores the environments of submitters while their work is unfinished. Each is a file with a random name, in a private
 * folder outside the home. Records contain only the name.
 */
export class Environments {
  readonly #paths: HomePaths;
  /** The environments that each fan-out needs, by its task's thread. */
  readonly #needed = new Map<string, Set<string>>();

  constructor(paths: HomePaths) {
    this.#paths = paths;
  }

  /** Stores an environment. @returns its name. @throws HOME_INVALID when there is no folder for it. */
  async keep(environment: Environment): Promise<string> {
    const name = randomBytes(16).toString('hex');
    // The folder is made each time, because a clean-up of temporary folders may have removed it.
    const folder = await this.#makeFolder();
    await fs.writeFile(join(folder, name), JSON.stringify(environment), { mode: 0o600, flag: 'wx' });
    return name;
  }

  /** Marks an environment as needed by a task's fan-out until `release`. */
  need(thread: string, name: string): void {
    const names = this.#needed.get(thread);
    if (names === undefined) this.#needed.set(thread, new Set([name]));
    else names.add(name);
  }

  /** Removes the environments of a fan-out that is over. */
  release(thread: string): Promise<void> {
    const names = this.#needed.get(thread) ?? [];
    this.#needed.delete(thread);
    return this.remove(...names);
  }

  async remove(...names: readonly string[]): Promise<void> {
    for (const name of names) await fs.rm(join(this.#paths.environmentsLink, name), { force: true });
  }

  /** Removes environments that no fan-out needs. @returns the names of needed ones that are missing. */
  async tidy(): Promise<readonly string[]> {
    const needed = new Set([...this.#needed.values()].flatMap(names => [...names]));
    const kept = await fs.readdir(this.#paths.environmentsLink).catch((): string[] => []);
    await this.remove(...kept.filter(name => !needed.has(name)));
    return [...needed].filter(name => !kept.includes(name));
  }

  /** Removes the folder and the runtime folder if they are empty. */
  async close(): Promise<void> {
    const folder = await fs.readlink(this.#paths.environmentsLink).catch(() => undefined);
    if (folder === undefined) return;
    await fs.rmdir(folder).then(
      () => fs.rmdir(dirname(folder)).catch(() => undefined),
      () => undefined,
    );
  }

  /** Makes the folder, and the link by which workers find it. */
  async #makeFolder(): Promise<string> {
    const folder = join(await runtimeFolder(), `${hash(this.#paths.home).slice(0, 16)}.environments`);
    // The coordinator of another home may be removing the runtime folder right now.
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    await requireOwnFolder(folder);
    const link = this.#paths.environmentsLink;
    if ((await fs.readlink(link).catch(() => undefined)) === folder) return folder;
    await fs.mkdir(this.#paths.runDir, { recursive: true, mode: 0o700 });
    await fs.rm(link, { recursive: true, force: true });
    await fs.symlink(folder, link);
    return folder;
  }
}

/**
 * Reads a stored environment of a coordinator.
 * @returns undefined when it is no longer there.
 * @throws HOME_INVALID when its folder is not private to this user.
 */
export async function readEnvironment(
  { environmentsLink }: HomePaths,
  name: string,
): Promise<Environment | undefined> {
  if (!NAME.test(name))
    throw new FleetError('INVALID_RECORD', `'${basename(name)}' is not the name of an environment`);
  try {
    const folder = await fs.readlink(environmentsLink);
    await requireOwnFolder(folder);
    return JSON.parse(await fs.readFile(join(folder, name), 'utf8')) as Environment;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** The environments that a worker reads most often: the last few, since the subtasks of a fan-out share one. */
const REMEMBERED = 4;

/** As `readEnvironment`, with the last few remembered. A name stands for one environment for ever. */
export function environmentReader(paths: HomePaths): (name: string) => Promise<Environment | undefined> {
  const remembered = new Map<string, Environment>();
  return async name => {
    const known = remembered.get(name) ?? (await readEnvironment(paths, name));
    if (known === undefined) return undefined;
    remembered.delete(name);
    remembered.set(name, known);
    for (const oldest of [...remembered.keys()].slice(0, -REMEMBERED)) remembered.delete(oldest);
    return known;
  };
}
