import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, watch } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { removeWorktree } from './leftovers.ts';
import { readNotes } from './notes.ts';
import { requireReady, untrustedRepositories } from './ready.ts';
import { Place } from './testing/place.ts';

const THIS_REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

describe('a worktree of an attempt', function () {
  this.timeout(120_000);
  let template: Place;
  let place: Place;
  let root: string;
  let repo: string;
  let folder: string;

  before(async () => void (template = await Place.make()));
  after(() => template.remove());
  beforeEach(async () => {
    place = await template.copy();
    ({ root, repo, folder } = place);
  });
  afterEach(() => place.remove());

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
    const reason = 'exit 3; 1 ignored file (2 B) went with its worktree: build/x';
    assert.deepEqual([result.verdict, result.reason, result.work], ['failed', reason, undefined]);
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

    it('is refused when it is submitted, naming what a commit would be without, and the ways out', async () => {
      await assert.rejects(requireReady(repo, { dirty: 'refuse' }), (error: unknown) => {
        assert.ok(FleetError.is(error, 'CONFLICT'));
        assert.match(error.message, /'.*repo' has uncommitted changes, .*: a\.txt$/);
        assert.match(error.hint ?? '', /"carry".*"stash"/);
        return true;
      });
      for (const dirty of ['carry', 'stash'] as const) await requireReady(repo, { dirty });
      git('checkout', '--quiet', 'a.txt');
      await requireReady(repo, { dirty: 'refuse' });
      assert.equal(git('status', '--porcelain'), '?? loose.txt', 'new files alone are no hindrance');
    });

    it('begins with its commit where they were made since', async () => {
      const { result, output } = await attempt('cat a.txt');
      assert.deepEqual([result.verdict, result.reason, output], ['accept', null, 'one\n']);
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
    const run = 'echo $SPL_PORT_BASE $SPL_PORT_COUNT';
    const begun = [0, 1, 2].map(index => join(root, `begun-${index}`));
    const all = begun.map(file => `[ -e '${file}' ]`).join(' && ');
    const outputs = await Promise.all(
      begun.map(async (file, index) => {
        const together = `${run}; touch '${file}'; until ${all}; do sleep 0.02; done`;
        return (await attempt(together, { index })).output;
      }),
    );
    const bases = outputs.map(output => Number(output.split(' ')[0]));
    assert.equal(new Set(bases).size, 3);
    for (const output of outputs) assert.match(output, /^\d+ 10\n$/);
    const taken = createServer().listen(bases[0], '127.0.0.1');
    await new Promise(resolve => taken.once('listening', resolve));
    const next = Number((await attempt(run)).output.split(' ')[0]);
    assert.notEqual(next, bases[0]);
    taken.close();
  });

  it('tells when the checkout itself was changed meanwhile, by whomever, and fails for it where that is wanted', async () => {
    const escape = `echo escaped >> '${repo}/a.txt'; touch '${repo}/stray'`;
    const { result } = await attempt(escape, {}, { escape: 'fail' });
    assert.equal(result.verdict, 'failed');
    assert.match(result.reason ?? '', /'.*repo' was changed: a\.txt, stray$/);
    // It is dirty already, and is changed again.
    const again = await attempt(escape, {}, { dirty: 'carry' });
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
    const isSaid = async (words: RegExp): Promise<void> => {
      assert.match((await attempt('true', { dir: outside })).result.reason ?? '', words);
      await assert.rejects(
        requireReady(outside, { dirty: 'refuse' }),
        (error: unknown) => FleetError.is(error, 'CONFLICT') && words.test(`${error.message}. ${error.hint}`),
      );
    };
    await isSaid(/is not in a git repository\. Create one/);
    execFileSync('git', ['init', '--quiet', outside]);
    await isSaid(/has no commit yet\. .* Create one/);
    execFileSync('git', ['init', '--quiet', '--bare', join(root, 'bare')]);
    await assert.rejects(requireReady(join(root, 'bare'), { dirty: 'refuse' }), /has no checkout/);
    // A worker may see what is not here.
    await requireReady(join(root, 'nowhere'), { dirty: 'refuse' });
    const full = await attempt('true', {}, { min_free_bytes: Number.MAX_SAFE_INTEGER });
    assert.match(full.result.reason ?? '', /MiB free for a worktree.*Make room/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('whose repository belongs to another user says so, and not that there is no commit', async () => {
    const config = join(root, 'gitconfig');
    await writeFile(config, '');
    // As git takes it for one of somebody else's.
    process.env['GIT_TEST_ASSUME_DIFFERENT_OWNER'] = '1';
    const shim = join(root, 'bin');
    await mkdir(shim);
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    await writeFile(
      join(shim, 'git'),
      `#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 GIT_CONFIG_GLOBAL=/dev/null exec ${real} "$@"\n`,
    );
    await chmod(join(shim, 'git'), 0o755);
    const path = process.env['PATH'];
    process.env['PATH'] = `${shim}:${path}`;
    try {
      const { result } = await attempt('true');
      assert.equal(result.verdict, 'failed');
      assert.match(result.reason ?? '', /belongs to another user.*safe\.directory/);
      const [note, another] = await untrustedRepositories([repo, join(root, 'nowhere')], { dirty: 'refuse' });
      assert.match(note ?? '', /belongs to another user.*safe\.directory/);
      assert.equal(another, undefined);
      await assert.rejects(requireReady(repo, { dirty: 'refuse' }), { code: 'CONFLICT' });
    } finally {
      process.env['PATH'] = path;
      delete process.env['GIT_TEST_ASSUME_DIFFERENT_OWNER'];
    }
  });

  it('says all that git says is wrong', async () => {
    await writeFile(join(repo, '.gitattributes'), '*.txt filter=big\n');
    git('add', '--all');
    git('commit', '--quiet', '-m', 'filtered');
    git('config', 'filter.big.process', 'no-such-filter');
    git('config', 'filter.big.required', 'true');
    assert.match((await attempt('true')).result.reason ?? '', /no-such-filter/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('asks git of nothing that the repository could make it hang by, and ends it with its attempt', async () => {
    const fast = await attempt('git config core.fsmonitor "sleep 90 #"; touch n');
    assert.equal(git('show', '--name-only', '--format=', fast.result.work!.branch), 'n');
    await writeFile(join(repo, '.gitattributes'), '*.txt filter=slow\n');
    git('config', '--unset', 'core.fsmonitor');
    git('add', '.gitattributes');
    git('commit', '--quiet', '-m', 'filtered');
    const begun = join(root, 'begun');
    git('config', 'filter.slow.smudge', `sh -c 'echo $$ > ${begun}; sleep 90; cat'`);
    const cancel = new AbortController();
    const slow = attempt('true', {}, {}, cancel.signal);
    const looked = watch(root, () => {
      if (existsSync(begun) && readFileSync(begun, 'utf8') !== '') cancel.abort('enough');
    });
    const { result } = await slow;
    looked.close();
    assert.deepEqual([result.verdict, result.reason], ['cancelled', 'enough']);
    assert.deepEqual(
      [...(await readNotes(folder)).keys()],
      ['TREE-1-3-1'],
      'only the first has left something',
    );
    const filter = (await readFile(begun, 'utf8')).trim();
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', filter], { encoding: 'utf8' });
    assert.match(stdout, /^\s*Z|^$/, 'what git started is gone, or waits to be buried');
  });

  it('takes new files whatever git is told to show, and files outside of a sparse checkout', async () => {
    git('config', 'status.showUntrackedFiles', 'no');
    const hidden = await attempt('echo new > new.txt');
    assert.equal(git('show', `${hidden.result.work!.branch}:new.txt`), 'new');
    git('sparse-checkout', 'set', 'other');
    const sparse = await attempt('mkdir -p deep; echo new > deep/new.txt', { index: 4 });
    assert.equal(git('show', `${sparse.result.work!.branch}:deep/new.txt`), 'new');
    assert.equal(git('show', `${sparse.result.work!.branch}:deep/b.txt`), 'two');
  });

  it('has another name beside a branch that stands in its way', async () => {
    git('branch', 'spl/TREE-1');
    assert.equal((await attempt('touch x')).result.work?.branch, 'spl/TREE-1.2/3-1');
    git('branch', '-D', '--quiet', 'spl/TREE-1');
    git('branch', 'spl/TREE-1/3-1/below');
    assert.equal((await attempt('touch x')).result.work?.branch, 'spl/TREE-1/3-1.2');
    for (const branch of git('branch', '--list', '--format=%(refname:short)', 'spl/*').split('\n'))
      git('update-ref', '-d', `refs/heads/${branch}`);
    git('branch', 'spl');
    assert.equal((await attempt('touch x', { attempt: 2 })).result.work?.branch, 'spl.2/TREE-1/3-2');
  });

  it('does not end a merge that was left with conflicts, and is kept as it is', async () => {
    git('checkout', '--quiet', '-b', 'side');
    await writeFile(join(repo, 'a.txt'), 'side\n');
    git('commit', '--quiet', '-am', 'side');
    git('checkout', '--quiet', 'main');
    await writeFile(join(repo, 'a.txt'), 'main\n');
    git('commit', '--quiet', '-am', 'main');
    const { result } = await attempt('git merge side; true');
    assert.equal(result.verdict, 'failed');
    assert.match(result.reason ?? '', /a merge was left with conflicts: a\.txt\. Resolve the conflicts in/);
    const [note] = [...(await readNotes(folder)).values()];
    assert.equal(note?.state, 'left', 'it can be removed');
    assert.match(await readFile(join(note.dir, 'a.txt'), 'utf8'), /^<<<<<<< /);
  });

  it('commits beside a lock that a git which was killed has left', async () => {
    const { result } = await attempt('echo w > w; : > "$(git rev-parse --git-dir)/index.lock"');
    assert.equal(git('show', `${result.work!.branch}:w`), 'w');
  });

  it('takes the files of a repository that was made in it, with commits or without', async () => {
    for (const [index, more] of ['', ' && git add -A && git commit -qm init'].entries()) {
      const run = `mkdir -p app/in && cd app && git init -q && echo precious > main.js && echo x > in/x && echo 'no' > .gitignore && touch no${more}`;
      const { result } = await attempt(run, { index });
      const { branch } = result.work!;
      assert.deepEqual(git('ls-tree', '-r', '--name-only', branch, 'app').split('\n'), [
        'app/.gitignore',
        'app/in/x',
        'app/main.js',
      ]);
      assert.equal(git('show', `${branch}:app/main.js`), 'precious');
      const name = [...(await readNotes(folder)).keys()].at(-1)!;
      await assert.rejects(
        removeWorktree(folder, name, false),
        /contains a repository.*app|uncommitted changes/,
      );
      await removeWorktree(folder, name, true);
    }
  });

  it('is kept where something was changed inside of a submodule, and not removed without force', async () => {
    execFileSync('git', ['clone', '--quiet', template.repo, join(root, 'lib')]);
    git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', join(root, 'lib'), 'lib');
    git('commit', '--quiet', '-m', 'sub');
    const update = 'git -c protocol.file.allow=always submodule --quiet update --init';
    for (const [index, change] of [
      'echo more >> a.txt',
      'echo more >> a.txt; git -c user.name=T -c user.email=t@x commit -qam more',
    ].entries()) {
      const { result } = await attempt(`${update} && cd lib && ${change}`, { index });
      const { dir } = result.work!;
      assert.equal(await readFile(join(dir, 'lib', 'a.txt'), 'utf8'), 'one\nmore\n');
      const name = [...(await readNotes(folder)).keys()].at(-1)!;
      await assert.rejects(removeWorktree(folder, name, false), /uncommitted changes|contains a repository/);
    }
  });

  it('says how many ignored files went with it, less those that the set-up made', async () => {
    const setup = 'mkdir build && touch build/made';
    const { result } = await attempt('echo result > build/report.txt', {}, { setup });
    assert.equal(result.verdict, 'accept');
    assert.match(result.reason ?? '', /^1 ignored file \(7 B\) went with its worktree: build\/report\.txt$/);
  });

  it('is lent a link that leads outside as what it means, and a file whose name is no text', async () => {
    await writeFile(join(root, 'secret'), 'KEY=1\n');
    await symlink('../secret', join(repo, '.env'));
    const { output } = await attempt('cat .env; echo mine >> .env', {}, { include: ['.env'] });
    assert.equal(output, 'KEY=1\n');
    assert.equal(await readFile(join(root, 'secret'), 'utf8'), 'KEY=1\n', 'the attempt has its own');
    const odd = Buffer.concat([Buffer.from(`${repo}/caf`), Buffer.from([0xe9])]);
    await writeFile(odd, 'odd\n');
    const carried = await attempt('cat caf*', { index: 4 }, { dirty: 'carry' });
    assert.equal(carried.output, 'odd\n', carried.result.reason ?? '');
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

  const git = (...args: readonly string[]): string => place.git(...args);
  const attempt = (...args: Parameters<Place['attempt']>): ReturnType<Place['attempt']> =>
    place.attempt(...args);
});
