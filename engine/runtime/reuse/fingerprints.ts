import { createHash } from 'node:crypto';
import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { systemCodeOf } from '../../errors.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import type { Clock } from '../clock.ts';
import { bytesOf, charactersOf, withGitLimits } from '../git/git.ts';
import { ContentDigests } from './content-digests.ts';
import { isLink, listRepository, repositoryOf, walk, within, type Files } from './files.ts';
import { compileGlobs, type Globs } from './globs.ts';
import { Sharing } from './sharing.ts';

/** The files of a subtask's globs. */
export interface FilesOf {
  readonly dir: string;
  readonly globs: readonly string[];
  /** Globs whose files do not count. */
  readonly without?: readonly string[];
}

/**
 * Digests of declared files: of their paths, modes, contents and the targets of links, and of the commits of the
 * repositories among them.
 */
export class Fingerprints {
  readonly #contents: ContentDigests;
  readonly #repositories: Sharing<Files>;
  readonly #inputs: Sharing<string | null>;

  /** @param fileTime as for `ContentDigests` */
  constructor(clock: Clock, fileTime?: () => number) {
    this.#contents = new ContentDigests(fileTime);
    this.#repositories = new Sharing(clock);
    this.#inputs = new Sharing(clock);
  }

  /**
   * Returns the digest of inputs and of the platform; null if the globs name no file, since that is a mistake, and
   * if one goes through a symbolic link, whose target is not compared. Ignored files do not count.
   * @param since by the clock, in ms: every change before it is seen
   * @throws for files that cannot be read
   */
  inputs(files: FilesOf, since: number): Promise<string | null> {
    return this.#inputs.get(JSON.stringify(files), since, async () => {
      const { dir, globs } = compiled(files);
      if (Array.from(globs.places.values()).flat().some(goesThroughLink)) return null;
      const found = await all(globs, (root, base) => this.#filesAt(root, base, since));
      return this.#digest(dir, globs, found, [`${process.platform} ${process.arch}\n`]);
    });
  }

  /** Returns the digest of outputs. Ignored files count. @throws for files that cannot be read */
  async outputs(files: FilesOf): Promise<string> {
    const { dir, globs } = compiled(files);
    const found = await all(globs, (_, base) => walk(base));
    return (await this.#digest(dir, globs, found, [])) ?? NOTHING;
  }

  async #filesAt(root: string, base: string, since: number): Promise<Files> {
    const top = repositoryOf(root);
    if (top === undefined) return walk(base);
    const { paths, repositories } = await this.#repositories.get(top, since, () =>
      // Other attempts wait for it too.
      withGitLimits(undefined, () => listRepository(top)),
    );
    return { paths: within(paths, base), repositories };
  }

  /** @returns null for no files */
  async #digest(
    dir: string,
    globs: Globs,
    { paths, repositories }: Files,
    head: readonly string[],
  ): Promise<string | null> {
    const named = repositories.filter(({ path }) => globs.includes(path));
    const isIn = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);
    const isNamed = (path: string): boolean =>
      (globs.includes(path) || named.some(each => isIn(path, each.path))) && !globs.excludes(path);
    const lines: string[] = [];
    const slice = new WorkSlice();
    const present = new Set<string>();
    for (const path of new Set(paths)) {
      if (slice.isOver()) await slice.yieldToEventLoop();
      if (!isNamed(path)) continue;
      const text = await this.#line(path, slice);
      if (text === undefined) continue;
      lines.push(`${path}\0${text}\n`);
      present.add(path);
    }
    for (const { path, commit } of repositories)
      if (isNamed(path) || Array.from(present).some(each => isIn(each, path)))
        lines.push(`${path}\0repository ${commit}\n`);
    if (lines.length === 0) return null;
    const digest = createHash('sha256');
    for (const line of [...head, `${dir}\n`, ...lines.sort()]) digest.update(line, 'latin1');
    return digest.digest('hex');
  }

  /** Describes a file; undefined where there is none. */
  async #line(path: string, slice: WorkSlice): Promise<string | undefined> {
    try {
      const stat = lstatSync(bytesOf(path), { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || stat.isDirectory()) return undefined;
      if (stat.isSymbolicLink()) return `link ${readlinkSync(bytesOf(path), { encoding: 'latin1' })}`;
      const mode = stat.mode.toString(8);
      if (!stat.isFile()) return `special ${mode}`;
      return `file ${mode} ${(await this.#contents.of(path, stat, slice)).toString('hex')}`;
    } catch (error) {
      // Removed meanwhile, or below what is no folder any more.
      if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return undefined;
      throw error;
    }
  }
}

/** The digest of no outputs. */
const NOTHING = createHash('sha256').digest('hex');

function compiled({ dir, globs, without = [] }: FilesOf): { readonly dir: string; readonly globs: Globs } {
  const real = charactersOf(realpathSync.native(dir));
  const given = compileGlobs(real, globs);
  const left = compileGlobs(real, without);
  const isLeft = (path: string): boolean => left.includes(path) && !left.excludes(path);
  return { dir: real, globs: { ...given, excludes: path => given.excludes(path) || isLeft(path) } };
}

/** Returns the files at all places of globs. */
async function all(globs: Globs, filesAt: (root: string, base: string) => Promise<Files>): Promise<Files> {
  const bases = [...globs.places].flatMap(([root, each]) =>
    [...new Set(each)].map(base => [root, base] as const),
  );
  const found = await Promise.all(bases.map(([root, base]) => filesAt(root, base)));
  const repositories = new Map(found.flatMap(files => files.repositories.map(each => [each.path, each])));
  return { paths: found.flatMap(({ paths }) => paths), repositories: [...repositories.values()] };
}

/** True if a path, or a folder above it, is a symbolic link. */
function goesThroughLink(path: string): boolean {
  try {
    return realpathSync.native(bytesOf(path), { encoding: 'latin1' }) !== path || isLink(path);
  } catch (error) {
    const code = systemCodeOf(error) ?? '';
    if (code === 'ELOOP') return true;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return isLink(path);
    throw error;
  }
}
