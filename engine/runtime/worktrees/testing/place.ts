import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttemptResult, AttemptSpec } from '../../executors/executor.ts';
import { shellExecutor } from '../../executors/shell.ts';
import { anAttempt } from '../../executors/testing/attempt.ts';
import { withIsolation } from '../isolated.ts';
import { worktreeSettings } from '../worktree.ts';

/** A repository with one commit and a folder for its worktrees, in a folder that is removed with them. */
export class Place {
  readonly root: string;
  readonly repo: string;
  /** The folder of the worktrees. */
  readonly folder: string;

  private constructor(root: string) {
    this.root = root;
    this.repo = join(root, 'repo');
    this.folder = join(root, 'home', 'worktrees');
  }

  /** Makes a place with `a.txt`, `deep/b.txt`, and a `.gitignore` for `.env` and `build/`. */
  static async make(): Promise<Place> {
    const place = new Place(await realpath(await mkdtemp(join(tmpdir(), 'spl-tree-'))));
    const { repo } = place;
    await mkdir(join(repo, 'deep'), { recursive: true });
    place.git('init', '--quiet', '--initial-branch=main');
    place.git('config', 'user.name', 'Tester');
    place.git('config', 'user.email', 'tester@example.org');
    await writeFile(join(repo, 'a.txt'), 'one\n');
    await writeFile(join(repo, 'deep', 'b.txt'), 'two\n');
    await writeFile(join(repo, '.gitignore'), '.env\nbuild/\n');
    place.git('add', '--all');
    place.git('commit', '--quiet', '-m', 'first');
    return place;
  }

  /** Makes a separate copy. */
  async copy(): Promise<Place> {
    const place = new Place(await realpath(await mkdtemp(join(tmpdir(), 'spl-tree-'))));
    await cp(this.repo, place.repo, { recursive: true });
    return place;
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }

  /** Runs git in the repository. @returns its output. */
  git(...args: readonly string[]): string {
    return execFileSync('git', ['-C', this.repo, ...args], { encoding: 'utf8' }).trim();
  }

  /** Runs one shell attempt in a worktree. */
  async attempt(
    run: string,
    spec: Partial<AttemptSpec> = {},
    table: Parameters<typeof worktreeSettings>[0] = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ readonly result: AttemptResult; readonly output: string }> {
    const env = process.env;
    const settings = worktreeSettings({ min_free_bytes: 0, ...table });
    let output = '';
    const isolated = withIsolation(shellExecutor({ env }), {
      folder: this.folder,
      settings,
      env,
      now: Date.now,
    });
    const result = await isolated.start(
      anAttempt({ index: 3, task: 'TREE-1', run, dir: this.repo, isolation: 'worktree', ...spec }),
      {
        output: {
          write: chunk => {
            output += Buffer.from(chunk).toString();
            return Promise.resolve();
          },
        },
        signal,
        used: () => {},
      },
    );
    return { result, output };
  }
}
