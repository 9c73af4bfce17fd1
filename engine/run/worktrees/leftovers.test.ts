import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { recoverWorktrees, removeWorktree } from './leftovers.ts';
import { readNotes } from './notes.ts';

const HOSTS = ['worktree-host', 'removal-host'];
const sourceOf = (host: string): string => fileURLToPath(new URL(`./testing/${host}.ts`, import.meta.url));

describe('worktrees that were left', function () {
  this.timeout(300_000);
  let root: string;
  let repo: string;
  let folder: string;
  let bin: string;
  let hostDir: string;

  before(async () => {
    // They are started many times, and the loader would take longer each time than all that they do.
    hostDir = await mkdtemp(join(tmpdir(), 'spl-host-'));
    await build({
      entryPoints: HOSTS.map(sourceOf),
      outdir: hostDir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
  });
  after(() => rm(hostDir, { recursive: true }));
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'spl-left-')));
    [repo, folder, bin] = [join(root, 'repo'), join(root, 'worktrees'), join(root, 'bin')];
    await mkdir(repo);
    await mkdir(bin);
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'Tester');
    git('config', 'user.email', 'tester@example.org');
    await writeFile(join(repo, 'a.txt'), 'one\n');
    git('add', '--all');
    git('commit', '--quiet', '-m', 'first');
    await writeFile(join(repo, 'a.txt'), 'changed\n');
    await writeFile(join(repo, '.env'), 'KEY=1\n');
    await writeFile(join(repo, '.git', 'info', 'exclude'), '.env\n');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('by a death at any step are taken down, or hold all that was done (I45)', async () => {
    let kept = 0;
    for (let step = 1; ; step++) {
      await writeGit(step, step % 2 === 1);
      const { signal, stdout } = makeOne();
      if (signal === null) {
        assert.equal(stdout, 'spl/HOSTED/0-1\n');
        assert.ok(step > 10, `it came to its end in ${step} calls of git`);
        break;
      }
      assert.equal(signal, 'SIGKILL', `step ${step}`);
      await recoverWorktrees(folder, what => assert.fail(`step ${step}: ${what}`));
      const [[, note] = [], ...more] = [...(await readNotes(folder))];
      assert.deepEqual(more, []);
      if (note !== undefined) {
        const { state, branch, dir } = note;
        assert.ok(state === 'kept' || state === 'left', `step ${step}: ${state}`);
        assert.equal(git('show', `${branch}:work.txt`), 'done', `step ${step}`);
        assert.equal(git('show', `${branch}:a.txt`), 'changed', `step ${step}`);
        assert.ok((await readdir(dir)).includes('work.txt'), `step ${step}`);
        kept++;
      }
      const there = note === undefined ? 0 : 1;
      const known = git('worktree', 'list', '--porcelain')
        .split('\n')
        .filter(line => line.startsWith('worktree '));
      assert.equal(known.length, there + 1, `step ${step}: git knows others`);
      const branches = git('branch', '--list', 'spl/*')
        .split('\n')
        .filter(line => line !== '');
      assert.equal(branches.length, there, `step ${step}: branches without a worktree`);
      const folders = (await readdir(folder, { withFileTypes: true })).filter(entry => entry.isDirectory());
      assert.equal(folders.length, there, `step ${step}: folders without a note`);
      assert.equal(git('status', '--porcelain'), 'M a.txt', `step ${step}`);
      await clear();
    }
    assert.ok(kept > 2, 'no death left any work: the test proves little');
  });

  it('are removed when asked to, and never what only they hold', async () => {
    const branch = makeOne().stdout.trim();
    const [[name, note] = assert.fail('no note')] = [...(await readNotes(folder))];
    await writeFile(join(note.dir, 'late.txt'), 'late\n');
    await assert.rejects(
      () => removeWorktree(folder, name, false),
      (error: unknown) => FleetError.is(error, 'CONFLICT') && /not committed: late\.txt/.test(error.message),
    );
    await rm(join(note.dir, 'late.txt'));
    assert.deepEqual(await removeWorktree(folder, name, false), { branch, branchKept: true });
    assert.equal(git('show', `${branch}:work.txt`), 'done');
    assert.deepEqual(await readdir(folder), []);
    await assert.rejects(
      () => removeWorktree(folder, name, false),
      (error: unknown) => FleetError.is(error, 'NOT_FOUND'),
    );
  });

  it('by a death at any step of their removal are removed when asked to again, and nothing done is lost', async () => {
    for (let step = 1; ; step++) {
      await rm(join(bin, 'git'), { force: true });
      const branch = makeOne().stdout.trim();
      git('branch', 'taken', branch);
      const [name = assert.fail('no note')] = [...(await readNotes(folder)).keys()];
      await writeGit(Math.ceil(step / 2), step % 2 === 1);
      const { signal, stdout } = runHost('removal-host', folder, name);
      const isOver = signal === null;
      if (isOver) assert.equal(stdout, 'gone\n');
      else assert.equal(signal, 'SIGKILL', `step ${step}`);
      if (!isOver) await removeWorktree(folder, name, false);
      assert.equal(git('show', 'taken:work.txt'), 'done', `step ${step}`);
      assert.deepEqual(await readdir(folder), [], `step ${step}: something is left`);
      assert.equal(git('worktree', 'list').split('\n').length, 1, `step ${step}: git knows others`);
      assert.equal(git('branch', '--list', 'spl/*'), '', `step ${step}: its branch is there`);
      git('branch', '-D', '--quiet', 'taken');
      if (!isOver) continue;
      assert.ok(step > 10, `it came to its end in ${step} steps`);
      return;
    }
  });

  it('go with their branches when another one has what is on them, or by force', async () => {
    const first = makeOne().stdout.trim();
    git('branch', 'taken', first);
    const [name = ''] = [...(await readNotes(folder)).keys()];
    assert.deepEqual(await removeWorktree(folder, name, false), { branch: first, branchKept: false });
    const second = makeOne().stdout.trim();
    const [again = ''] = [...(await readNotes(folder)).keys()];
    assert.deepEqual(await removeWorktree(folder, again, true), { branch: second, branchKept: false });
    assert.equal(git('branch', '--list', 'spl/*'), '');
  });

  it('by a repository that is gone are removed by force alone', async () => {
    const branch = makeOne().stdout.trim();
    const [name = ''] = [...(await readNotes(folder)).keys()];
    await rm(repo, { recursive: true });
    await assert.rejects(
      () => removeWorktree(folder, name, false),
      (error: unknown) => FleetError.is(error, 'CONFLICT') && /--force/.test(error.hint ?? ''),
    );
    assert.equal(await readFile(join(folder, name, 'work.txt'), 'utf8'), 'done\n');
    assert.deepEqual(await removeWorktree(folder, name, true), { branch, branchKept: false });
    assert.deepEqual(await readdir(folder), []);
  });

  /** Removes what is kept, so that the next one meets what the first one met. */
  async function clear(): Promise<void> {
    for (const name of (await readNotes(folder)).keys()) await removeWorktree(folder, name, true);
  }

  /**
   * A `git` that ends who called it, before one of its calls does anything or after it. None is left out of the count; of
   * two at once either may be the one.
   */
  async function writeGit(call: number, isBefore: boolean): Promise<void> {
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const kill = `[ "$n" -lt ${call} ] || { kill -s KILL "$PPID"; exit 1; }`;
    const text = `#!/bin/sh
echo >> '${bin}/count'
n=$(wc -l < '${bin}/count')
${isBefore ? kill : ''}
${real} "$@"
code=$?
${isBefore ? '' : kill}
exit $code
`;
    await writeFile(join(bin, 'git'), text);
    await chmod(join(bin, 'git'), 0o755);
    await rm(join(bin, 'count'), { force: true });
  }

  const makeOne = () => runHost('worktree-host', folder, repo);

  function runHost(host: string, ...words: readonly string[]) {
    return spawnSync(process.execPath, [join(hostDir, `${host}.mjs`), ...words], {
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
      encoding: 'utf8',
    });
  }

  function git(...args: readonly string[]): string {
    return execFileSync('git', ['-C', repo, ...args], { encoding: 'utf8' }).trim();
  }
});
