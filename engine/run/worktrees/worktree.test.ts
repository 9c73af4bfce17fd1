import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { AttemptResult, AttemptSpec } from '../executors/executor.ts';
import { shellExecutor } from '../executors/shell.ts';
import { anAttempt } from '../executors/testing/attempt.ts';
import { withIsolation } from './isolated.ts';
import { readNotes } from './notes.ts';
import { worktreeSettings } from './worktree.ts';

const THIS_REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

describe('a worktree of an attempt', function () {
  this.timeout(120_000);
  let template: string;
  let root: string;
  let repo: string;
  let folder: string;

  before(async () => {
    template = repo = await realpath(await mkdtemp(join(tmpdir(), 'spl-tree-')));
    await mkdir(join(repo, 'deep'));
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'Tester');
    git('config', 'user.email', 'tester@example.org');
    await writeFile(join(repo, 'a.txt'), 'one\n');
    await writeFile(join(repo, 'deep', 'b.txt'), 'two\n');
    await writeFile(join(repo, '.gitignore'), '.env\nbuild/\n');
    git('add', '--all');
    git('commit', '--quiet', '-m', 'first');
  });
  after(() => rm(template, { recursive: true, force: true }));
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'spl-tree-')));
    repo = join(root, 'repo');
    folder = join(root, 'home', 'worktrees');
    await cp(template, repo, { recursive: true });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('begins with HEAD, on a branch of its own, and puts all that was done on it', async () => {
    const run = `pwd; git rev-parse --abbrev-ref HEAD; cat a.txt; echo more >> a.txt; git commit -qam 'by itself'; echo new > new.txt`;
    const { result, output } = await attempt(run, {}, {});
    assert.equal(result.verdict, 'accept', result.reason ?? '');
    const { branch, base, dir } = result.work!;
    assert.equal(output, `${dir}\n${branch}\none\n`);
    assert.equal(branch, 'spl/TREE-1/3-1');
    assert.equal(base, git('rev-parse', 'main'));
    assert.deepEqual(git('diff', '--name-only', 'main', branch).split('\n'), ['a.txt', 'new.txt']);
    assert.equal(git('show', `${branch}:new.txt`), 'new');
    assert.equal(git('status', '--porcelain'), '');
    assert.equal(await readFile(join(repo, 'a.txt'), 'utf8'), 'one\n');
    const [note] = [...(await readNotes(folder)).values()];
    assert.deepEqual([note?.state, note?.branch, note?.dir], ['kept', branch, dir]);
  });

  it('leaves nothing behind where nothing was changed', async () => {
    const { result } = await attempt('mkdir build; echo x > build/x; exit 3');
    assert.deepEqual([result.verdict, result.reason, result.work], ['failed', 'exit 3', undefined]);
    assert.deepEqual(await readdir(folder), []);
    assert.equal(git('branch', '--list'), '* main');
    assert.equal(git('worktree', 'list').split('\n').length, 1);
  });

  it('is entered at the folder that was asked for, one not yet committed too', async () => {
    const { output } = await attempt('pwd; ls', { dir: join(repo, 'deep') });
    assert.match(output, /\/TREE-1-3-1\/deep\nb\.txt\n$/);
    await mkdir(join(repo, 'empty'));
    assert.match((await attempt('pwd; ls', { dir: join(repo, 'empty') })).output, /-3-1\/empty\n$/);
  });

  it('is one for each attempt, however many run at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 4 }, (_, index) => attempt(`echo ${index} > mine.txt; pwd`, { index })),
    );
    const works = results.map(({ result }) => result.work!);
    assert.equal(new Set(works.map(({ dir }) => dir)).size, 4);
    for (const [index, { branch }] of works.entries())
      assert.equal(git('show', `${branch}:mine.txt`), String(index));
    const again = await attempt('echo again > mine.txt', { index: 0 });
    assert.equal(again.result.work?.branch, 'spl/TREE-1/0-1.2');
  });

  describe('of a checkout with changes that are not committed', () => {
    beforeEach(async () => {
      await writeFile(join(repo, 'a.txt'), 'changed\n');
      await writeFile(join(repo, 'loose.txt'), 'loose\n');
    });

    it('is refused, naming them and the ways out', async () => {
      const { result } = await attempt('touch ran');
      assert.equal(result.verdict, 'failed');
      assert.match(
        result.reason ?? '',
        /has changes that are not committed.*a\.txt, loose\.txt.*"carry".*"stash"/,
      );
      assert.deepEqual(await readdir(folder), []);
    });

    it('takes them along, and leaves them where they were', async () => {
      const { result, output } = await attempt('cat a.txt loose.txt; echo x > x', {}, { dirty: 'carry' });
      assert.equal(output, 'changed\nloose\n');
      assert.equal(await readFile(join(repo, 'a.txt'), 'utf8'), 'changed\n');
      assert.equal(git('status', '--porcelain'), 'M a.txt\n?? loose.txt');
      const { base, branch } = result.work!;
      assert.deepEqual(
        git('diff', '--name-only', base, branch),
        'x',
        'what was carried is not of the attempt',
      );
      assert.deepEqual(git('diff', '--name-only', 'main', branch).split('\n'), ['a.txt', 'loose.txt', 'x']);
    });

    it('puts them away, where they can be found', async () => {
      const { output } = await attempt('cat a.txt; ls', {}, { dirty: 'stash' });
      assert.equal(output, 'one\na.txt\ndeep\n');
      assert.equal(git('status', '--porcelain'), '');
      assert.match(git('stash', 'list'), /spl: before TREE-1, subtask 3, attempt 1/);
      git('stash', 'pop', '--quiet');
      assert.equal(await readFile(join(repo, 'loose.txt'), 'utf8'), 'loose\n');
    });
  });

  it('is lent files that git does not have, and does not commit them', async () => {
    await writeFile(join(repo, '.env'), 'KEY=1\n');
    await writeFile(join(repo, 'local.cfg'), 'mine\n');
    git('update-index', '--no-skip-worktree', 'a.txt');
    await writeFile(join(repo, '.git', 'info', 'exclude'), 'local.cfg\n');
    const include = ['.env', 'local.cfg', 'a.txt', 'not-there'];
    const { result, output } = await attempt('cat .env local.cfg a.txt; echo y > y', {}, { include });
    assert.equal(output, 'KEY=1\nmine\none\n');
    assert.equal(git('diff', '--name-only', 'main', result.work!.branch), 'y');
  });

  it('is made ready by a command, without which nothing runs', async () => {
    const ready = await attempt('cat ready', {}, { setup: 'echo made > ready; echo setting up' });
    assert.equal(ready.output, 'setting up\nmade\n');
    const { result, output } = await attempt('echo ran', {}, { setup: 'echo no; exit 4' });
    assert.deepEqual(
      [result.verdict, result.reason, output],
      ['failed', 'the set-up of its worktree: exit 4', 'no\n'],
    );
  });

  it('has ports that no other attempt has, all free', async () => {
    const run = 'echo $SPL_PORT_BASE $SPL_PORT_COUNT; sleep 0.3';
    const outputs = await Promise.all([0, 1, 2].map(async index => (await attempt(run, { index })).output));
    const bases = outputs.map(output => Number(output.split(' ')[0]));
    assert.equal(new Set(bases).size, 3);
    for (const output of outputs) assert.match(output, /^\d+ 10\n$/);
    const taken = createServer().listen(bases[0], '127.0.0.1');
    await new Promise(resolve => taken.once('listening', resolve));
    const next = Number((await attempt(run)).output.split(' ')[0]);
    assert.notEqual(next, bases[0]);
    taken.close();
  });

  it('tells when the checkout itself was changed meanwhile, and fails for it unless that is to be noted only', async () => {
    const escape = `echo escaped >> '${repo}/a.txt'; touch '${repo}/stray'`;
    const { result } = await attempt(escape);
    assert.equal(result.verdict, 'failed');
    assert.match(result.reason ?? '', /'.*repo' was changed: a\.txt, stray$/);
    // It is dirty already, and is changed again.
    const again = await attempt(escape, {}, { escape: 'note', dirty: 'carry' });
    assert.deepEqual(
      [again.result.verdict, /was changed: a\.txt/.test(again.result.reason ?? '')],
      ['accept', true],
    );
    git('checkout', '--quiet', '.');
    await rm(join(repo, 'stray'));
    const commit = await attempt(`cd '${repo}' && git commit --quiet --allow-empty -m escaped`);
    assert.match(commit.result.reason ?? '', /was changed: HEAD/);
  });

  it('of this very repository has every file, takes what was done, and tells of what was done outside of it', async () => {
    await rm(repo, { recursive: true });
    execFileSync('git', ['clone', '--quiet', '--shared', THIS_REPOSITORY, repo]);
    const files = git('ls-files');
    const run = 'git ls-files; echo "// more" >> engine/index.ts; git rm -q --cached LICENSE';
    const { result, output } = await attempt(run);
    assert.equal(result.verdict, 'accept', result.reason ?? '');
    assert.equal(output.trim(), files);
    assert.equal(git('diff', '--name-only', 'HEAD', result.work!.branch), 'engine/index.ts');
    assert.equal(git('status', '--porcelain'), '');
    const escaped = await attempt(`echo >> '${repo}/README.md'; mv '${repo}/LICENSE' '${repo}/LICENCE'`);
    assert.match(escaped.result.reason ?? '', /was changed: LICENCE, LICENSE, README\.md$/);
  });

  it('keeps what was done on another branch, or on none', async () => {
    const other = await attempt('git switch -qc elsewhere; echo z > z; git add z; git commit -qm z');
    assert.equal(git('show', `${other.result.work!.branch}:z`), 'z');
    const none = await attempt('git checkout -q --detach; echo w > w');
    assert.equal(git('show', `${none.result.work!.branch}:w`), 'w');
  });

  it('is refused outside of a repository, without a commit, and on a full disk, saying so', async () => {
    const outside = join(root, 'outside');
    await mkdir(outside);
    assert.match((await attempt('true', { dir: outside })).result.reason ?? '', /is not in a git repository/);
    execFileSync('git', ['init', '--quiet', outside]);
    assert.match((await attempt('true', { dir: outside })).result.reason ?? '', /that has a commit/);
    const full = await attempt('true', {}, { min_free_bytes: Number.MAX_SAFE_INTEGER });
    assert.match(full.result.reason ?? '', /MiB left for a worktree.*Make room/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('heeds neither the hooks of the repository nor a GIT_DIR of its worker', async () => {
    const hook = join(repo, '.git', 'hooks', 'post-checkout');
    await writeFile(hook, `#!/bin/sh\ntouch '${root}/hooked'\n`);
    await chmod(hook, 0o755);
    process.env['GIT_DIR'] = join(root, 'nowhere');
    try {
      const { result } = await attempt('unset GIT_DIR; echo v > v');
      assert.equal(result.verdict, 'accept', result.reason ?? '');
    } finally {
      delete process.env['GIT_DIR'];
    }
    assert.ok(!(await readdir(root)).includes('hooked'));
  });

  function git(...args: readonly string[]): string {
    return execFileSync('git', ['-C', repo, ...args], { encoding: 'utf8' }).trim();
  }

  /** Runs one attempt by the shell in a worktree. */
  async function attempt(
    run: string,
    spec: Partial<AttemptSpec> = {},
    table: Parameters<typeof worktreeSettings>[0] = {},
  ): Promise<{ result: AttemptResult; output: string }> {
    const env = process.env;
    const options = {
      folder,
      settings: worktreeSettings({ min_free_bytes: 0, ...table }),
      env,
      now: () => 0,
    };
    let output = '';
    const result = await withIsolation(shellExecutor({ env }), options).start(
      anAttempt({ index: 3, task: 'TREE-1', run, dir: repo, isolation: 'worktree', ...spec }),
      {
        output: { write: async chunk => void (output += Buffer.from(chunk).toString()) },
        signal: new AbortController().signal,
        used: () => {},
      },
    );
    return { result, output };
  }
});
