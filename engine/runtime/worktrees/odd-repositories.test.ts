import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe } from 'mocha';
import { bundled } from '../../../test/bundled.ts';
import { eachNth } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import type { AttemptResult } from '../executors/executor.ts';
import { withGitLimits } from '../git/git.ts';
import { removeWorktree } from './leftovers.ts';
import { withRepositoryLock } from '../git/repository-lock.ts';
import { readNotes, writeNote } from './notes.ts';
import { requireReady } from './ready.ts';
import { Place } from './testing/place.ts';

const HOST = new URL('./testing/mortal-host.ts', import.meta.url);
const UPDATE = 'git -c protocol.file.allow=always submodule --quiet update --init';
const COMMIT = 'git -c user.name=T -c user.email=t@example.org commit --quiet';

const some = eachNth(3);

describe('a worktree of an odd repository', function () {
  this.timeout(120_000);
  let template: Place;
  let place: Place;
  let root: string;
  let repo: string;
  let folder: string;
  let path: string | undefined;

  before(async () => void (template = await Place.make()));
  after(() => template.remove());
  beforeEach(async () => {
    place = await template.copy();
    ({ root, repo, folder } = place);
    path = process.env['PATH'];
  });
  afterEach(async () => {
    process.env['PATH'] = path;
    await place.remove();
  });

  describe('whose checkout has changes', () => {
    some(
      'takes along files that are intended, staged though ignored, or new, beside a git that has the lock',
      async () => {
        await writeFile(join(repo, 'intended'), 'i\n');
        git('add', '--intent-to-add', 'intended');
        await writeFile(join(repo, '.env'), 'e\n');
        git('add', '--force', '.env');
        await appendFile(join(repo, 'a.txt'), 'more\n');
        await writeFile(join(repo, 'new'), 'n\n');
        await writeFile(join(repo, '.git', 'index.lock'), '');
        const { result, output } = await attempt('cat intended .env a.txt new', {}, { dirty: 'carry' });
        await rm(join(repo, '.git', 'index.lock'));
        assert.deepEqual([result.verdict, output], ['accept', 'i\ne\none\nmore\nn\n'], result.reason ?? '');
        assert.equal(git('status', '--porcelain'), 'A  .env\n M a.txt\n A intended\n?? new'.trim());
        assert.deepEqual(await readdir(folder), [], 'it changed nothing, and no index is left');
      },
    );

    some('puts away files that are intended', async () => {
      await writeFile(join(repo, 'intended'), 'i\n');
      git('add', '--intent-to-add', 'intended');
      const { result } = await attempt('test ! -e intended', {}, { dirty: 'stash' });
      assert.equal(result.verdict, 'accept', result.reason ?? '');
      assert.equal(git('show', 'stash@{0}:intended'), 'i');
    });

    some('says of which submodules it takes nothing along that is not committed', async () => {
      for (const name of ['new', 'other']) {
        const from = [template.repo, name];
        git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', ...from);
      }
      git('commit', '--quiet', '-m', 'sub');
      await writeFile(join(repo, 'new', 'n'), 'n\n');
      git('-C', 'other', ...COMMIT.split(' ').slice(1), '--allow-empty', '-m', 'other');
      const carry = { dirty: 'carry', setup: 'git submodule --quiet deinit --all' } as const;
      const { result } = await attempt('true', {}, carry);
      assert.match(result.reason ?? '', /uncommitted changes in 1 submodule were not carried: new /);
    });

    some('takes along no conflict', async () => {
      await conflict();
      const { result } = await attempt('true', {}, { dirty: 'carry' });
      assert.equal(result.verdict, 'failed');
      assert.match(result.reason ?? '', /is in a merge with conflicts: a\.txt\. Resolve the conflicts/);
    });
  });

  some('is made once another git has let go of a lock', async () => {
    await appendFile(join(repo, 'a.txt'), 'more\n');
    const lock = join(repo, '.git', 'index.lock');
    const first = join(root, 'first');
    await shim(`case "$*" in *"stash push"*) if mkdir '${first}' 2>/dev/null; then
      : >'${lock}'; "$REAL" "$@"; code=$?; rm '${lock}'; exit $code; fi;; esac`);
    const { result, output } = await attempt('cat a.txt', {}, { dirty: 'stash' });
    assert.deepEqual([result.verdict, output], ['accept', 'one\n'], result.reason ?? '');
    assert.ok((await readdir(root)).includes('first'), 'the first was refused');
  });

  some('waits for its turn no longer than its attempt runs', async () => {
    const common = join(repo, '.git');
    const cancel = new AbortController();
    await withRepositoryLock(common, async () => {
      const waiting = withGitLimits(cancel.signal, () =>
        withRepositoryLock(common, () => Promise.resolve('done')),
      );
      setImmediate(() => cancel.abort('enough'));
      await assert.rejects(waiting, /enough/);
    });
    assert.equal(
      await withRepositoryLock(common, () => Promise.resolve('done')),
      'done',
      'the next one has it',
    );
  });

  some('takes nothing from worktrees of the user that are not there just now', async () => {
    const away = join(root, 'away');
    git('worktree', 'add', '--quiet', '--detach', away);
    await rm(away, { recursive: true });
    await attempt('true');
    await attempt('touch x');
    await removeWorktree(folder, 'TREE-1-3-1', true);
    assert.match(git('worktree', 'list', '--porcelain'), new RegExp(`^worktree ${away}$`, 'm'));
  });

  some('whose link to it was removed is linked anew, and no repository around it is touched', async () => {
    await mkdir(folder, { recursive: true });
    execFileSync('git', ['init', '--quiet', root]);
    const { result } = await attempt('rm .git; echo w > w');
    assert.equal(git('show', `${result.work!.branch}:w`), 'w', result.reason ?? '');
    assert.equal(execFileSync('git', ['-C', root, 'ls-files'], { encoding: 'utf8' }), '');
  });

  some('in which another repository was made stays until it is thrown away', async () => {
    const { result } = await attempt('rm .git; git init --quiet; echo w > w');
    assert.equal(result.verdict, 'failed');
    assert.match(result.reason ?? '', /its '\.git' no longer leads to '.*repo'/);
    const [[name = '', note] = []] = [...(await readNotes(folder))];
    assert.equal(note?.state, 'left');
    await assert.rejects(removeWorktree(folder, name, false), isConflict(/can't tell which changes/));
    assert.equal(await readFile(join(note.dir, 'w'), 'utf8'), 'w\n');
    await removeWorktree(folder, name, true);
    assert.deepEqual(await readdir(folder), []);
  });

  some('that removed itself says so, and can be removed', async () => {
    const { result } = await attempt('rm -rf "$SPL_WORKTREE"');
    assert.equal(result.verdict, 'failed');
    assert.match(result.reason ?? '', /the folder of the worktree is gone/);
    await removeWorktree(folder, 'TREE-1-3-1', false);
    assert.equal(git('worktree', 'list').split('\n').length, 1);
  });

  some(
    'that removed itself keeps the commit that it had checked out, and so does one that is removed later',
    async () => {
      const run = `git checkout --quiet --detach; echo w > w; git add w; ${COMMIT} -m own`;
      const { result } = await attempt(`${run}; rm -rf "$SPL_WORKTREE"`);
      assert.equal(git('show', `${result.work!.branch}:w`), 'w', result.reason ?? '');
      const gone = await removeWorktree(folder, 'TREE-1-3-1', false);
      assert.deepEqual([gone.branch, gone.branchKept], [result.work!.branch, true]);

      const later = (await attempt('echo x > x', { index: 4 })).result.work!;
      execFileSync('/bin/sh', ['-c', run], { cwd: later.dir });
      const { branch, branchKept } = await removeWorktree(folder, 'TREE-1-4-1', false);
      assert.deepEqual([branchKept, git('show', `${branch}:w`)], [true, 'w']);
    },
  );

  some('says how many ignored files go with it when it is removed', async () => {
    await writeFile(join(repo, '.env'), 'lent\n');
    await attempt('mkdir build; echo b > build/b; echo w > w', {}, { include: ['.env'] });
    const { gone } = await removeWorktree(folder, 'TREE-1-3-1', false);
    assert.deepEqual(gone, { count: 1, bytes: 2, paths: ['build/b'] });
  });

  some('tells modes, whatever the repository says', async () => {
    git('config', 'core.fileMode', 'false');
    const setup = 'chmod +x deep/b.txt';
    const { result } = await attempt('chmod +x a.txt; echo n > n; chmod +x n', {}, { setup });
    const { branch } = result.work!;
    const modes = git('ls-tree', '-r', '--format=%(objectmode) %(path)', branch).split('\n');
    const told = ['100644 .gitignore', '100755 a.txt', '100644 deep/b.txt', '100755 n'];
    assert.deepEqual(modes, told, 'the set-up is not its work');
    await chmod(join(result.work!.dir, 'n'), 0o644);
    await assert.rejects(removeWorktree(folder, 'TREE-1-3-1', false), isConflict(/uncommitted changes: n$/));
  });

  some('tells what is changed by more than its time and size, whatever the repository says', async () => {
    git('config', 'core.checkStat', 'minimal');
    git('config', 'core.trustctime', 'false');
    const touch = 'touch -d @1000000000';
    const run = `${touch} a.txt; git update-index --refresh; echo uno > u; ${touch} u; mv u a.txt`;
    const { result } = await attempt(run);
    assert.equal(git('show', `${result.work?.branch ?? 'main'}:a.txt`), 'uno');
  });

  some('shows what git was told not to look at', async () => {
    const run = `git update-index --skip-worktree a.txt; git update-index --assume-unchanged deep/b.txt
      echo s > a.txt; echo u > deep/b.txt`;
    const { branch } = (await attempt(run)).result.work!;
    assert.deepEqual([git('show', `${branch}:a.txt`), git('show', `${branch}:deep/b.txt`)], ['s', 'u']);
  });

  some('tells names by their case, whatever the repository says', async () => {
    git('config', 'core.ignoreCase', 'true');
    git('config', 'core.safecrlf', 'true');
    git('config', 'core.autocrlf', 'input');
    const { result } = await attempt(String.raw`echo A > A.txt; mkdir Deep; printf 'c\r\n' > Deep/c`);
    const told = git('ls-tree', '-r', '--name-only', result.work!.branch).split('\n');
    assert.deepEqual(told, ['.gitignore', 'A.txt', 'Deep/c', 'a.txt', 'deep/b.txt']);
  });

  some('keeps names that are no text, or have line breaks and quotes', async () => {
    const run = String.raw`printf x > "$(printf 'caf\351')"; printf y > "$(printf 'a\nb "c"')"
      mkdir "$(printf 'd\351')"; cd "$(printf 'd\351')"; git init --quiet; printf z > z`;
    const { result } = await attempt(run);
    const { branch } = result.work!;
    const names = execFileSync('git', ['-C', repo, 'diff', '--name-only', '-z', 'main', branch], {
      encoding: 'latin1',
    });
    // Git can't be asked of what lies in a repository whose own name is no text.
    assert.equal(names, 'a\nb "c"\0caf\xe9\0', result.reason ?? '');
    await assert.rejects(
      removeWorktree(folder, 'TREE-1-3-1', false),
      isConflict(/uncommitted changes|contains a repository/),
    );
  });

  some('stays with new files that only the configuration of git ignores', async () => {
    await writeFile(join(repo, '.git', 'info', 'exclude'), '*.loc\n');
    await writeFile(join(repo, 'lent.loc'), 'lent\n');
    const table = { include: ['lent.loc'], setup: 'echo s > setup.loc' };
    assert.equal((await attempt('true', {}, table)).result.work, undefined);
    const { result } = await attempt('echo precious > x.loc', {}, table);
    assert.match(result.reason ?? '', /^1 file ignored only by your git configuration stay.*: x\.loc$/);
    assert.equal(await readFile(join(result.work!.dir, 'x.loc'), 'utf8'), 'precious\n');
    await assert.rejects(
      removeWorktree(folder, 'TREE-1-3-1', false),
      isConflict(/uncommitted changes: x\.loc/),
    );
  });

  describe('with submodules', () => {
    beforeEach(() => {
      execFileSync('git', ['clone', '--quiet', template.repo, join(root, 'lib')]);
      git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', join(root, 'lib'), 'lib');
      git('commit', '--quiet', '-m', 'sub');
    });

    some('says that they begin empty, and not when they were filled', async () => {
      const { result } = await attempt('ls lib');
      assert.equal(result.verdict, 'accept');
      assert.match(result.reason ?? '', /^1 submodule began empty: lib \(.*submodule update --init\)/);
      const filled = await attempt('cat lib/a.txt', {}, { setup: UPDATE });
      assert.deepEqual([filled.result.reason, filled.output], [null, 'one\n']);
    });

    some('stays with commits that only a branch of one has', async () => {
      const run = `cd lib && git switch --quiet -c side && echo s > s && git add s && ${COMMIT} -m s && git switch --quiet -`;
      await staysFor(await attempt(run, {}, { setup: UPDATE }), 'lib');
    });

    some('stays with commits of one that is not checked out any more', async () => {
      const run = `(cd lib && git switch --quiet -c side && echo s > s && git add s && ${COMMIT} -m s)
        git submodule --quiet deinit --force lib`;
      await staysFor(await attempt(run, {}, { setup: UPDATE }), 'lib');
    });

    some('is removed where nothing was done in one', async () => {
      assert.equal((await attempt('cat lib/a.txt', {}, { setup: UPDATE })).result.work, undefined);
    });

    async function staysFor({ result }: { result: AttemptResult }, name: string): Promise<void> {
      assert.ok(result.work !== undefined, result.reason ?? 'it is gone');
      await assert.rejects(removeWorktree(folder, 'TREE-1-3-1', false), isConflict(new RegExp(`: ${name}`)));
    }
  });

  some('stays with commits of a repository that lies where files are ignored', async () => {
    const run = `mkdir -p build/tool && cd build/tool && git init --quiet && echo t > t && git add t && ${COMMIT} -m t`;
    const { result } = await attempt(run);
    assert.ok(result.work !== undefined, result.reason ?? 'it is gone');
    await assert.rejects(removeWorktree(folder, 'TREE-1-3-1', false), isConflict(/build\/tool/));
  });

  some('says that the markers of a conflict were committed', async () => {
    await conflict();
    git('merge', '--abort');
    git('config', 'grep.patternType', 'fixed');
    const { result } = await attempt('git merge side; git add a.txt; git commit --quiet --no-edit');
    assert.deepEqual([result.verdict, result.reason], ['accept', 'committed with conflict markers: a.txt']);
    const heading = await attempt(String.raw`printf 'Title\n=======\n' > b.rst`, { index: 4 });
    assert.equal(heading.result.reason, null);
  });

  describe('that a command makes ready', () => {
    some('counts nothing of the set-up as work', async () => {
      const setup = 'mkdir made; echo m > made/m; echo s >> a.txt; git init --quiet tool; echo t > tool/t';
      const idle = await attempt('cat made/m tool/t', {}, { setup });
      assert.deepEqual([idle.output, idle.result.work], ['m\nt\n', undefined], idle.result.reason ?? '');
      const busy = await attempt('echo more >> made/m; touch made/n', {}, { setup });
      const { branch } = busy.result.work!;
      assert.deepEqual(git('diff', '--name-only', 'main', branch).split('\n'), ['made/m', 'made/n']);
      await removeWorktree(folder, 'TREE-1-3-1', false);
      assert.deepEqual(await readdir(folder), [], 'what the set-up left is no hindrance');
    });

    some('leaves nothing where it could not be made ready, and takes no longer than it may', async () => {
      const failed = await attempt('true', {}, { setup: 'touch half; exit 3' });
      assert.deepEqual([failed.result.verdict, failed.result.work], ['failed', undefined]);
      const slow = await attempt('true', {}, { setup: 'sleep 90', timeout_secs: 1 });
      assert.equal(slow.result.verdict, 'timeout');
      assert.match(slow.result.reason ?? '', /^the set-up of its worktree: .* 1 s$/);
      assert.deepEqual(await readdir(folder), []);
    });
  });

  some('tells of changes to what all worktrees share', async () => {
    git('tag', 'old');
    git('branch', 'other');
    const run = `git config core.editor vi; echo x > '${repo}/.git/hooks/pre-push'; git tag v1; git tag -d old
      git branch -D other; git branch own; git stash --quiet; echo y >> a.txt; git stash push --quiet`;
    const { result } = await attempt(run);
    const told = 'branch other, configuration core.editor, hook pre-push, stash, tag old, …';
    assert.equal(result.reason, `while it ran in its worktree, '${repo}' was changed: ${told}`);
    const bare = await attempt('git config core.bare true; echo w > w', {}, { escape: 'fail' });
    assert.match(bare.result.reason ?? '', /was changed: HEAD, configuration core\.bare$/);
    git('config', 'core.bare', 'false');
    assert.equal(git('show', `${bare.result.work!.branch}:w`), 'w');
  });

  some('says what it was not lent, and is lent what globs match', async () => {
    await writeFile(join(repo, '.env'), 'e\n');
    await mkdir(join(repo, 'build'));
    await writeFile(join(repo, 'build', 'one.key'), '1\n');
    await symlink('one.key', join(repo, 'build', 'two.key'));
    const include = ['build/*.key', '.env*', 'no-such', '*.none'];
    const { result, output } = await attempt('cat build/*.key .env', {}, { include });
    assert.equal(output, '1\n1\ne\n');
    assert.equal(result.reason, `files to include were not found in '${repo}': no-such, *.none`);
    assert.equal(result.work, undefined);
  });

  describe('in which git hangs', () => {
    beforeEach(async () => {
      await writeFile(join(repo, '.gitattributes'), '*.txt filter=slow\n');
      git('add', '--all');
      git('commit', '--quiet', '-m', 'filtered');
      git('config', 'filter.slow.smudge', 'sleep 90');
    });

    some('ends when the attempt has no more time', async () => {
      const { result } = await attempt('true', { timeoutMs: 1_000 });
      assert.deepEqual([result.verdict, result.reason], ['timeout', 'ran longer than its time-out of 1 s']);
      assert.deepEqual(await readdir(folder), []);
    });

    some('ends after the time that git may take', async () => {
      const { result } = await attempt('true', {}, { timeout_secs: 1 });
      assert.match(result.reason ?? '', /git worktree was ended: took more than 1 s/);
    });

    some('leaves nothing running when its worker is killed', async () => {
      const fifo = join(root, 'fifo');
      execFileSync('mkfifo', [fifo]);
      git('config', 'filter.slow.smudge', `sh -c 'echo begun >${fifo}; exec sleep 90 >${fifo}'`);
      const host = spawn(process.execPath, [await bundled(HOST), 'make', '0', 'before', folder, repo]);
      const held = createReadStream(fifo);
      // The filter has it open a second time before it lets go of it for the first.
      const [begun] = (await once(held, 'data')) as [Buffer];
      assert.equal(begun.toString(), 'begun\n');
      host.kill('SIGKILL');
      await once(held, 'close');
    });
  });

  some('starts no program that the repository names, but its filters', async () => {
    const ran = join(root, 'ran');
    const program = join(root, 'program');
    await writeFile(program, `#!/bin/sh\necho "$0 $*" >> '${ran}'\nexit 1\n`);
    await chmod(program, 0o755);
    await writeFile(join(repo, '.gitattributes'), '*.txt diff=odd merge=odd\n');
    git('add', '--all');
    git('commit', '--quiet', '-m', 'attributes');
    await appendFile(join(repo, 'a.txt'), 'more\n');
    const keys = [
      'core.fsmonitor',
      'core.editor',
      'core.pager',
      'core.askPass',
      'diff.external',
      'gpg.program',
    ];
    for (const key of [...keys, 'diff.odd.command', 'diff.odd.textconv', 'merge.odd.driver'])
      git('config', key, program);
    git('config', 'commit.gpgSign', 'true');
    git('config', 'core.hooksPath', root);
    for (const hook of [
      'post-checkout',
      'pre-commit',
      'post-index-change',
      'reference-transaction',
      'post-commit',
    ])
      await symlink(program, join(root, hook));
    const off = '-c core.fsmonitor=false -c core.hooksPath=/dev/null -c commit.gpgSign=false';
    const run = `printf '<<<<<<< a\n>>>>>>> b\n' >> a.txt; echo w > w; git ${off} commit --quiet -am more; echo v > v`;
    const { result } = await attempt(run, {}, { dirty: 'carry', setup: 'touch s' });
    assert.match(result.reason ?? '', /conflict markers: a\.txt/);
    await removeWorktree(folder, 'TREE-1-3-1', true);
    assert.equal((await readdir(root)).includes('ran') ? await readFile(ran, 'utf8') : '', '');
  });

  some('is not removed where nobody can tell what is in it', async () => {
    const { dir } = (await attempt('touch x')).result.work!;
    await writeFile(join(dir, 'late'), 'late\n');
    const index = execFileSync('git', ['-C', dir, 'rev-parse', '--git-path', 'index'], {
      encoding: 'utf8',
    }).trim();
    await truncate(index, 20);
    await assert.rejects(removeWorktree(folder, 'TREE-1-3-1', false), isConflict(/can't tell which changes/));
    assert.equal(await readFile(join(dir, 'late'), 'utf8'), 'late\n');
  });

  some('whose end was never noted can be removed once its attempt is over', async () => {
    await attempt('touch x');
    const [[name = '', note] = []] = [...(await readNotes(folder))];
    await writeNote(folder, name, { ...note!, state: 'used' });
    await assert.rejects(
      removeWorktree(folder, name, true, () => true),
      isConflict(/an attempt is running/),
    );
    await removeWorktree(folder, name, false, () => false);
    assert.deepEqual(await readdir(folder), []);
  });

  some('keeps its work beside a lock on its branch that a git which was killed has left', async () => {
    const { result } = await attempt(
      ': > "$(git rev-parse --git-path refs/heads/$SPL_BRANCH.lock)"; echo w > w',
    );
    assert.equal(git('show', `${result.work!.branch}:w`), 'w', result.reason ?? '');
  });

  some('of a repository without a checkout is refused', async () => {
    git('config', 'core.bare', 'true');
    await assert.rejects(requireReady(repo, { dirty: 'refuse' }), isConflict(/has no checkout/));
  });

  const isConflict =
    (words: RegExp) =>
    (error: unknown): boolean => {
      assert.ok(FleetError.is(error, 'CONFLICT'), String(error));
      assert.match(error.message, words);
      return true;
    };

  /** Leaves the checkout in a merge with a conflict in `a.txt`. */
  async function conflict(): Promise<void> {
    git('checkout', '--quiet', '-b', 'side');
    await writeFile(join(repo, 'a.txt'), 'side\n');
    git('commit', '--quiet', '-am', 'side');
    git('checkout', '--quiet', 'main');
    await writeFile(join(repo, 'a.txt'), 'main\n');
    git('commit', '--quiet', '-am', 'main');
    assert.throws(() => git('merge', '--quiet', 'side'));
  }

  /** Puts a program in the place of git that does something before git itself, which is `$REAL`. */
  async function shim(script: string): Promise<void> {
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    await mkdir(join(root, 'bin'));
    await writeFile(join(root, 'bin', 'git'), `#!/bin/sh\nREAL=${real}\n${script}\nexec "$REAL" "$@"\n`);
    await chmod(join(root, 'bin', 'git'), 0o755);
    process.env['PATH'] = `${join(root, 'bin')}:${path}`;
  }

  const git = (...args: readonly string[]): string => place.git(...args);
  const attempt = (...args: Parameters<Place['attempt']>): ReturnType<Place['attempt']> =>
    place.attempt(...args);
});
