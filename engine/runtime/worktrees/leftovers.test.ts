import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, beforeEach, describe, it } from 'mocha';
import { bundled } from '../../../test/bundled.ts';
import { sampled } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import { recoverWorktrees, removeWorktree } from './leftovers.ts';
import { readNotes } from './notes.ts';
import { writeInWorktree } from './testing/written-attempt.ts';

const run = promisify(execFile);
const HOST = new URL('./testing/mortal-host.ts', import.meta.url);
/** A death is waited for most of the time, and meets no other: each has a repository of its own. */
const DEATHS_AT_ONCE = 4;

/** A repository with changes that are not committed, and the folder of its worktrees. */
class Place {
  readonly repo: string;
  readonly folder: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.repo = join(root, 'repo');
    this.folder = join(root, 'worktrees');
  }

  async git(...args: readonly string[]): Promise<string> {
    return (await run('git', ['-C', this.repo, ...args])).stdout.trim();
  }

  async gitLines(...args: readonly string[]): Promise<string[]> {
    return (await this.git(...args)).split('\n').filter(line => line !== '');
  }

  /** Has an attempt leave a worktree. */
  async make(): Promise<{ branch: string; name: string }> {
    const branch = await writeInWorktree(this.folder, this.repo);
    const [name = ''] = [...(await readNotes(this.folder)).keys()];
    return { branch: branch ?? '', name };
  }

  /** Saves all of it. @returns how to have it again: at the same path, which git has written down. */
  async save(): Promise<() => Promise<void>> {
    const saved = `${this.#root}.saved`;
    await cp(this.#root, saved, { recursive: true });
    return async () => {
      await rm(this.#root, { recursive: true });
      await cp(saved, this.#root, { recursive: true });
    };
  }
}

describe('worktrees that were left', function () {
  this.timeout(120_000);
  let root: string;
  let template: string;
  let host: string;
  let places = 0;
  let place: Place;

  before(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'spl-left-')));
    template = join(root, 'template');
    await makeTemplate(new Place(template));
    host = await bundled(HOST);
  });
  after(() => rm(root, { recursive: true, force: true }));
  beforeEach(async () => void (place = await newPlace()));

  it('by a death at any step are taken down, or hold all that was done (I45)', async () => {
    const calls = await callsOf('make', place.folder, place.repo);
    assert.ok(calls > 10, `it came to its end in ${calls} calls of git`);
    let kept = 0;
    await eachOf(sampled(stepsTo(calls), 8), async step => {
      const own = await newPlace();
      const { folder, repo } = own;
      await dies('make', step, step % 2 === 1 ? 'before' : 'after', folder, repo);
      await recoverWorktrees(folder, what => assert.fail(`step ${step}: ${what}`));
      const [[, note] = [], ...more] = [...(await readNotes(folder))];
      assert.deepEqual(more, []);
      if (note !== undefined) {
        const { state, branch, dir } = note;
        assert.ok(state === 'kept' || state === 'left', `step ${step}: ${state}`);
        assert.equal(await own.git('show', `${branch}:work.txt`), 'done', `step ${step}`);
        assert.equal(await own.git('show', `${branch}:a.txt`), 'changed', `step ${step}`);
        assert.ok((await readdir(dir)).includes('work.txt'), `step ${step}`);
        kept++;
      }
      const there = note === undefined ? 0 : 1;
      const known = await own.gitLines('worktree', 'list');
      assert.equal(known.length, there + 1, `step ${step}: git knows others`);
      const branches = await own.gitLines('branch', '--list', 'spl/*');
      assert.equal(branches.length, there, `step ${step}: branches without a worktree`);
      const folders = (await readdir(folder, { withFileTypes: true })).filter(entry => entry.isDirectory());
      assert.equal(folders.length, there, `step ${step}: folders without a note`);
      assert.equal(await own.git('status', '--porcelain'), 'M a.txt', `step ${step}`);
    });
    assert.ok(kept > 0, 'no death left any work: the test proves little');
  });

  it('are removed when asked to, and never what only they hold', async () => {
    const { folder } = place;
    const { branch, name } = await place.make();
    const late = join(folder, name, 'late.txt');
    await writeFile(late, 'late\n');
    await assert.rejects(
      () => removeWorktree(folder, name, false),
      (error: unknown) =>
        FleetError.is(error, 'CONFLICT') && /uncommitted changes: late\.txt/.test(error.message),
    );
    await rm(late);
    assert.deepEqual(await removeWorktree(folder, name, false), { branch, branchKept: true, gone: null });
    assert.equal(await place.git('show', `${branch}:work.txt`), 'done');
    assert.deepEqual(await readdir(folder), []);
    await assert.rejects(
      () => removeWorktree(folder, name, false),
      (error: unknown) => FleetError.is(error, 'NOT_FOUND'),
    );
  });

  it('by a death at any step of their removal are removed when asked to again, and nothing done is lost', async () => {
    const { branch, name } = await place.make();
    await place.git('branch', 'taken', branch);
    const restore = await place.save();
    const calls = await callsOf('remove', place.folder, name);
    await requireRemoved(place, 'without a death');
    assert.ok(calls >= 5, `it came to its end in ${calls} calls of git`);
    const deaths = stepsTo(calls).flatMap(call =>
      (['before', 'after'] as const).map(when => ({ call, when })),
    );
    for (const { call, when } of sampled(deaths, 8)) {
      await restore();
      await dies('remove', call, when, place.folder, name);
      await removeWorktree(place.folder, name, false);
      await requireRemoved(place, `${when} call ${call}`);
    }
  });

  it('go with their branches when another one has what is on them, or by force', async () => {
    const first = await place.make();
    await place.git('branch', 'taken', first.branch);
    const removed = await removeWorktree(place.folder, first.name, false);
    assert.deepEqual(removed, { branch: first.branch, branchKept: false, gone: null });
    const second = await place.make();
    const forced = await removeWorktree(place.folder, second.name, true);
    assert.deepEqual(forced, { branch: second.branch, branchKept: false, gone: null });
    assert.equal(await place.git('branch', '--list', 'spl/*'), '');
  });

  it('by a repository that is gone are removed by force alone', async () => {
    const { folder, repo } = place;
    const { branch, name } = await place.make();
    await rm(repo, { recursive: true });
    await assert.rejects(
      () => removeWorktree(folder, name, false),
      (error: unknown) => FleetError.is(error, 'CONFLICT') && /--force/.test(error.hint ?? ''),
    );
    assert.equal(await readFile(join(folder, name, 'work.txt'), 'utf8'), 'done\n');
    assert.deepEqual(await removeWorktree(folder, name, true), { branch, branchKept: false, gone: null });
    assert.deepEqual(await readdir(folder), []);
  });

  async function newPlace(): Promise<Place> {
    const own = join(root, String(places++));
    await cp(template, own, { recursive: true });
    return new Place(own);
  }

  /** Makes a worktree or removes one, in a process of its own. @returns how often that called git. */
  async function callsOf(verb: 'make' | 'remove', folder: string, of: string): Promise<number> {
    const { stdout } = await run(process.execPath, [host, verb, '0', 'before', folder, of]);
    return Number(stdout);
  }

  /** The same, and has the process die at a call of git. */
  async function dies(
    verb: 'make' | 'remove',
    nth: number,
    when: 'before' | 'after',
    folder: string,
    of: string,
  ): Promise<void> {
    const words = [host, verb, String(nth), when, folder, of];
    await assert.rejects(run(process.execPath, words), { signal: 'SIGKILL' }, `${verb}, ${when} call ${nth}`);
  }
});

async function makeTemplate(place: Place): Promise<void> {
  const { repo } = place;
  await mkdir(repo, { recursive: true });
  await place.git('init', '--quiet', '--initial-branch=main', '--template=');
  await place.git('config', 'user.name', 'Tester');
  await place.git('config', 'user.email', 'tester@example.org');
  await writeFile(join(repo, 'a.txt'), 'one\n');
  await place.git('add', '--all');
  await place.git('commit', '--quiet', '-m', 'first');
  await writeFile(join(repo, 'a.txt'), 'changed\n');
  await writeFile(join(repo, '.env'), 'KEY=1\n');
  await mkdir(join(repo, '.git', 'info'));
  await writeFile(join(repo, '.git', 'info', 'exclude'), '.env\n');
}

async function requireRemoved(place: Place, when: string): Promise<void> {
  assert.equal(await place.git('show', 'taken:work.txt'), 'done', when);
  assert.deepEqual(await readdir(place.folder), [], `${when}: something is left`);
  assert.equal((await place.gitLines('worktree', 'list')).length, 1, `${when}: git knows others`);
  assert.equal(await place.git('branch', '--list', 'spl/*'), '', `${when}: its branch is there`);
}

const stepsTo = (last: number): readonly number[] => Array.from({ length: last }, (_, i) => i + 1);

/** Takes each of the steps, some at once. */
async function eachOf(steps: readonly number[], take: (step: number) => Promise<void>): Promise<void> {
  const left = steps.values();
  const lane = async (): Promise<void> => {
    for (const step of left) await take(step);
  };
  await Promise.all(Array.from({ length: DEATHS_AT_ONCE }, lane));
}
