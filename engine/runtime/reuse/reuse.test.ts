import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import type { Reusable } from '../../domain/model/record-bodies.ts';
import type { ThreadId } from '../../record/ids.ts';
import { hash } from '../../record/hash.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import { runs } from '../../../test/runs.ts';
import { withoutCommand } from '../executors/ending.ts';
import { ContentDigests } from './content-digests.ts';
import { Reuse } from './reuse.ts';
import { git, inputsModel, outputsModel } from './testing/plain-model.ts';

/** The files of the property, relative to the top of the repository; `app` is the folder of the subtask. */
const FILES = [
  'app/a.ts',
  'app/src/b.ts',
  'app/src/deep/c.ts',
  'app/src/new.ts',
  'app/src/line\nbreak.ts',
  'app/src/.hidden',
  'app/notes.md',
  'app/ignored.log',
  'app/dist/made.js',
  'app/lib/s.ts',
  'app/lib/sub.log',
  'app/nested/n.ts',
  'shared/x.ts',
  'shared/deep/y.ts',
] as const;
const FOLDERS = ['app/src', 'app/src/deep', 'app/dist', 'shared'] as const;
const GLOBS = [
  'src',
  'src/**',
  'src/*.ts',
  '**/*.ts',
  '**',
  'lib',
  'li*',
  'lib/*.ts',
  'nested/**',
  'a.ts',
  '*.{ts,md}',
  '*.log',
  '../shared/**',
  '../shared/deep',
  'dist/**',
  'link/**',
  '!src/deep',
  '!**/*.md',
  '!lib/s.ts',
] as const;
const RULES = ['*.ts', 'src/deep/', 'nested/', '!c.ts', '/app/dist', 'dist/', '*.md'] as const;

type Change =
  | {
      readonly kind: 'write' | 'same' | 'sneak' | 'remove' | 'add' | 'forget';
      readonly file: string;
      readonly text: string;
    }
  | { readonly kind: 'mode'; readonly file: string; readonly mode: number }
  | { readonly kind: 'rename'; readonly file: string; readonly to: string }
  | { readonly kind: 'link'; readonly file: string; readonly target: string }
  | { readonly kind: 'ignore' | 'heed'; readonly rule: string; readonly where: string }
  | { readonly kind: 'commit' | 'back' | 'empty'; readonly repository: string };

const file = fc.constantFrom(...FILES);
const text = fc.constantFrom('1', '2', '33');
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('write', 'same', 'sneak', 'remove', 'add', 'forget'),
      file,
      text,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('mode'), file, mode: fc.constantFrom(0o644, 0o755, 0o600) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('rename'),
      file: fc.constantFrom(...FILES, ...FOLDERS),
      to: fc.constantFrom(...FILES, 'app/moved'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('link'),
      file: fc.constantFrom(
        'app/link',
        'app/link',
        'app/src/b.ts',
        'app/a.ts',
        'app/dist/made.js',
        'app/dist',
      ),
      target: fc.constantFrom('src', '../shared', 'a.ts', 'dist', 'nowhere'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('ignore', 'heed'),
      rule: fc.constantFrom(...RULES),
      where: fc.constantFrom('.gitignore', '.git/info/exclude', 'app/.gitignore', 'app/nested/.gitignore'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('commit', 'back', 'empty'),
      repository: fc.constantFrom('app/lib', 'app/nested'),
    }),
  },
);

interface Case {
  readonly inputs: string[];
  readonly outputs: string[];
  /** False for files without a repository around them. */
  readonly isRepository: boolean;
  /** True where remembered digests are used whatever the age of the file, which then changes in steps of its clock. */
  readonly isRemembering: boolean;
  /** The changes before each attempt, and those that the command makes. */
  readonly attempts: readonly { readonly before: readonly Change[]; readonly by: readonly Change[] }[];
}

const few = fc.array(change, { maxLength: 3 });
const aCase: fc.Arbitrary<Case> = fc.record({
  inputs: fc
    .uniqueArray(fc.constantFrom(...GLOBS), { minLength: 1, maxLength: 4 })
    .filter(globs => globs.some(glob => !glob.startsWith('!'))),
  outputs: fc.constantFrom([], ['dist'], ['dist/*.js'], ['src/new.ts', '**/*.log']),
  isRepository: fc.boolean(),
  isRemembering: fc.boolean(),
  attempts: fc.array(
    fc.record({
      before: few,
      by: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: few }),
    }),
    { minLength: 2, maxLength: 7 },
  ),
});

/** A change between two attempts, and what the command of the first one changes. */
interface Rare extends Partial<Pick<Case, 'isRepository'>> {
  readonly inputs: string[];
  readonly outputs?: string[];
  readonly by?: Change;
  readonly before?: Change;
}

const written = (name: (typeof FILES)[number], content = '1'): Change => ({
  kind: 'write',
  file: name,
  text: content,
});

/** Changes that are rare among random ones, each before the second of four attempts. */
const RARE: readonly Case[] = (
  [
    { inputs: ['src'], before: { kind: 'rename', file: 'app/src/b.ts', to: 'app/src/new.ts' } },
    { inputs: ['a.ts'], before: { kind: 'link', file: 'app/a.ts', target: 'a.ts' } },
    {
      inputs: ['li*'],
      outputs: ['dist/*.js'],
      before: { kind: 'link', file: 'app/dist', target: 'src' },
    },
    // Tracked, untracked, ignored, and committed in a repository inside.
    { inputs: ['src'], before: written('app/src/b.ts') },
    { inputs: ['**'], before: written('app/notes.md') },
    { inputs: ['**'], before: written('app/ignored.log') },
    { inputs: ['lib'], before: { kind: 'commit', repository: 'app/lib' } },
    { inputs: ['nested/**'], before: { kind: 'commit', repository: 'app/nested' }, isRepository: false },
    // The command writes its outputs among its inputs, or changes its inputs, which then are as before.
    { inputs: ['**'], outputs: ['dist'], by: written('app/dist/made.js') },
    { inputs: ['src'], by: written('app/src/b.ts'), before: written('app/src/b.ts', '0') },
  ] satisfies readonly Rare[] as readonly Rare[]
).map(({ inputs, outputs = [], by, before: earlier, isRepository = true }) => ({
  ...{ inputs, outputs, isRepository, isRemembering: false },
  attempts: [
    { before: [], by: by === undefined ? [] : [by] },
    { before: earlier === undefined ? [] : [earlier], by: [] },
    { before: [], by: [] },
    { before: [written('app/dist/made.js')], by: [] },
  ],
}));

describe('reuse', () => {
  let root: string;
  before(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'spl-reuse-')));
    makeFiles(join(root, 'template'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Returns the runs that the case should have had, and those that it had. */
  async function playedBy(given: Case, number: number): Promise<void> {
    const top = join(root, `case-${number}`);
    cpSync(join(root, 'template'), top, { recursive: true, verbatimSymlinks: true });
    if (!given.isRepository) rmSync(join(top, '.git'), { recursive: true });
    const dir = join(top, 'app');
    const faults: string[] = [];
    const reuse = new Reuse({
      clock: { now: () => performance.now() },
      onFault: message => faults.push(message),
      ...(given.isRemembering && { fileTime: () => Date.now() + 60_000 }),
    });
    const clockFile = join(root, 'clock');
    const reusable: Reusable[] = [];
    const accepted: { readonly inputs: string; readonly outputs: string }[] = [];
    for (const { before: earlier, by } of given.attempts) {
      if (given.isRemembering) nextTick(clockFile);
      for (const each of earlier) apply(top, each);
      const inputs = inputsModel(dir, given.inputs, given.outputs);
      const outputs = outputsModel(dir, given.outputs);
      const isKnown =
        inputs !== '' && accepted.some(each => each.inputs === inputs && each.outputs === outputs);
      let hasRun = false;
      const result = await reuse.resultOf(
        {
          body: {
            parent_thread: 'th_parent' as ThreadId,
            dir,
            inputs: given.inputs,
            outputs: given.outputs.length === 0 ? null : given.outputs,
            reuse: reusable,
          },
          receivedAt: performance.now(),
          signal: new AbortController().signal,
        },
        () => {
          hasRun = true;
          if (given.isRemembering) nextTick(clockFile);
          for (const each of by) apply(top, each);
          return withoutCommand('accept', null);
        },
      );
      assert.deepEqual(faults, []);
      assert.equal(hasRun, !isKnown, `attempt ${accepted.length}: ${JSON.stringify({ inputs, outputs })}`);
      assert.equal(result?.reused === undefined, hasRun);
      if (!hasRun) continue;
      if (inputs !== '' && inputsModel(dir, given.inputs, given.outputs) === inputs)
        accepted.push({ inputs, outputs: outputsModel(dir, given.outputs) });
      const digests = result!.digests!;
      if (digests.inputs !== null)
        reusable.unshift({
          thread: 'th_earlier' as ThreadId,
          task: 'EARLIER',
          index: 0,
          attempt: reusable.length + 1,
          inputs_digest: digests.inputs,
          outputs_digest: digests.outputs,
        });
    }
    rmSync(top, { recursive: true });
  }

  it('happens exactly when nothing declared differs from an accepted attempt', async function () {
    this.timeout(runs(300_000));
    let number = 0;
    await fc.assert(
      fc.asyncProperty(aCase, given => playedBy(given, number++)),
      // To shrink a failure takes minutes.
      { numRuns: RARE.length + runs(7), examples: RARE.map(each => [each]), verbose: 1, endOnFailure: true },
    );
  });
});

describe('the digest of a file', () => {
  it('is remembered by its times, and not before they are old enough to show the next change', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spl-reuse-'));
    const path = join(folder, 'f');
    for (const [ageMs, seen] of [
      [0, '2'],
      [60_000, '1'],
    ] as const) {
      writeFileSync(path, '1');
      const stat = lstatSync(path, { bigint: true });
      const digests = new ContentDigests(() => Number(stat.ctimeMs) + ageMs);
      const digest = async (): Promise<string> =>
        (await digests.of(path, stat, new WorkSlice())).toString('hex');
      assert.equal(await digest(), hash('1'));
      // A change within a step of the file system's clock: the same size and times as before.
      writeFileSync(path, '2');
      assert.equal(await digest(), hash(seen), `${ageMs} ms`);
    }
    rmSync(folder, { recursive: true });
  });

  for (const member of ['ino', 'dev', 'size', 'mtimeNs', 'ctimeNs'] as const)
    it(`is not that of a file with another ${member}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'spl-reuse-'));
      const path = join(folder, 'f');
      writeFileSync(path, '1');
      const stat = lstatSync(path, { bigint: true });
      const digests = new ContentDigests(() => Number(stat.ctimeMs) + 60_000);
      const digest = async (of: typeof stat): Promise<string> =>
        (await digests.of(path, of, new WorkSlice())).toString('hex');
      assert.equal(await digest(stat), hash('1'));
      writeFileSync(path, '2');
      assert.equal(await digest(stat), hash('1'));
      const other = Object.assign(Object.create(Object.getPrototypeOf(stat) as object) as typeof stat, stat);
      other[member] += 1n;
      assert.equal(await digest(other), hash('2'));
      rmSync(folder, { recursive: true });
    });
});

/** Makes a repository with ignore rules, a submodule and a repository that is no submodule. */
function makeFiles(top: string): void {
  for (const path of FILES) write(join(top, path), '0');
  rmSync(join(top, 'app/src/new.ts'));
  rmSync(join(top, 'app/lib'), { recursive: true });
  write(join(top, '.gitignore'), '*.log\n');
  symlinkSync('src', join(top, 'app/link'));
  const library = join(top, '..', 'library');
  write(join(library, 's.ts'), '0');
  for (const repository of [library, join(top, 'app/nested'), top])
    git(dirname(repository), 'init', '-q', repository);
  for (const repository of [library, join(top, 'app/nested')]) {
    git(repository, 'add', '--all');
    git(repository, 'commit', '-qm', 'first');
  }
  git(top, 'submodule', '--quiet', 'add', library, 'app/lib');
  write(join(top, 'app/lib/sub.log'), '0');
  git(top, 'add', '--', 'shared', 'app/src', 'app/a.ts', '.gitignore');
  git(top, 'commit', '-qm', 'first');
}

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Applies a change, where it makes sense. */
function apply(top: string, each: Change): void {
  try {
    applyTo(top, each);
  } catch (error) {
    // The change needs a file that is not there, or one in the place of a folder.
    assert.match(String(error), /ENOENT|ENOTDIR|EISDIR|EEXIST|EINVAL|ENOTEMPTY|ELOOP|EPERM|Command failed/);
  }
}

function applyTo(top: string, each: Change): void {
  const path = (name: string): string => join(top, name);
  switch (each.kind) {
    case 'write':
      return write(path(each.file), each.text);
    case 'same':
      return appendFileSync(path(each.file), '');
    case 'sneak': {
      const { atime, mtime } = lstatSync(path(each.file));
      writeFileSync(path(each.file), each.text);
      return utimesSync(path(each.file), atime, mtime);
    }
    case 'remove':
      return rmSync(path(each.file));
    case 'add':
      return void git(top, 'add', '--force', '--', each.file);
    case 'forget':
      return void git(top, 'rm', '--cached', '-q', '--', each.file);
    case 'mode':
      return chmodSync(path(each.file), each.mode);
    case 'rename':
      mkdirSync(dirname(path(each.to)), { recursive: true });
      return renameSync(path(each.file), path(each.to));
    case 'link':
      rmSync(path(each.file), { force: true, recursive: true });
      return symlinkSync(each.target, path(each.file));
    case 'ignore':
      return appendFileSync(path(each.where), `${each.rule}\n`);
    case 'heed':
      return writeFileSync(path(each.where), '');
    case 'commit':
      git(path(each.repository), 'add', '--all');
      return void git(path(each.repository), 'commit', '-qm', 'next', '--allow-empty');
    case 'back':
      return void git(path(each.repository), 'reset', '--hard', '-q', 'HEAD~1');
    case 'empty':
      assert.ok(existsSync(path(each.repository)));
      rmSync(path(each.repository), { recursive: true });
      return void mkdirSync(path(each.repository));
  }
}

/** Waits for a later time of the file system. */
function nextTick(probe: string): void {
  writeFileSync(probe, '');
  const { ctimeNs } = lstatSync(probe, { bigint: true });
  do chmodSync(probe, 0o600);
  while (lstatSync(probe, { bigint: true }).ctimeNs === ctimeNs);
}
