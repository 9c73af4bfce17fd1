import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join as joinPath } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { ChildDocument, JoinStatus } from '../../contract/documents.ts';
import type { OutputRequest } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import {
  child,
  done,
  fannedOut,
  fleet,
  instance,
  join,
  pending,
  running,
  speedup,
  started,
  THREAD,
} from '../testing/documents.ts';
import { FakeHost, type FakeOptions } from '../testing/fake-host.ts';
import { main } from '../program.ts';

interface World {
  /** The subtasks as they are when they are read. */
  children: readonly ChildDocument[];
  readonly outputs?: Readonly<Record<number, string>>;
  readonly join?: Partial<JoinStatus>;
}

const worker = (slots: number) => instance({ alias: 'worker-a', role: 'worker', slots });

/** Returns a host whose engine runs these subtasks. */
function hostOf(world: World, options: FakeOptions = {}): FakeHost {
  const status = () => join(world.children, world.join);
  const host = new FakeHost({
    ...options,
    answers: {
      fleet: fleet({ instances: [worker(2)] }),
      'fleet.start': started(),
      'fleet.stop': { stopped: [], coordinator_stopping: false },
      'fan-out.open': () => ({
        thread: THREAD,
        alias: 'TASK-001',
        record: 'r',
        goal: 'g',
        fan_out: fannedOut({ subtasks: world.children.length, alias: 'TASK-001' }),
      }),
      join: () => status(),
      children: () => ({ ...status(), total: world.children.length }),
      speedup: speedup(),
      'task.cancel': () => {
        world.children = world.children.map(each => ({ ...each, state: 'done', verdict: 'cancelled' }));
        host.engine.emit({ kind: 'gap' });
        return {};
      },
      ...options.answers,
    },
  });
  host.engine.output = ({ subtask, attempt = 1 }: OutputRequest) =>
    Promise.resolve({
      info: { task: 'TASK-001', subtask: Number(subtask), attempt, worker: 'worker-a', running: false },
      chunks: chunksOf(world.outputs?.[Number(subtask)] ?? ''),
    });
  return host;
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  for (const character of text) yield await Promise.resolve(Buffer.from(character));
}

/** Runs `spl run` with these words. */
async function run(words: readonly string[], host = hostOf({ children: [done(0)] })) {
  const code = await main(['run', ...words], host);
  const opened = host.engine.asked.find(({ name }) => name === 'fan-out.open')?.input;
  const fanOut = opened?.['fan_out'] as Record<string, unknown> | undefined;
  return { code, out: host.out.text, err: host.err.text, host, opened, fanOut };
}

describe('spl run', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(joinPath(tmpdir(), 'spl-run-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const named = (index: number, name: string, change: Partial<ChildDocument> = {}): ChildDocument => ({
    ...done(index),
    name,
    ...change,
  });

  it('runs commands side by side, and prints their lines and how much faster it was', async () => {
    const children = [named(0, 'one'), named(1, 'second')];
    const host = hostOf({ children, outputs: { 0: 'a\nb', 1: 'c\n' } });
    const { code, out, fanOut, opened } = await run(['echo a', 'echo c'], host);
    assert.equal(code, 0);
    assert.equal(opened!['goal'], 'echo a · echo c');
    assert.equal(opened!['dir'], '/srv');
    assert.deepEqual(fanOut!['subtasks'], [
      { goal: 'echo a', run: 'echo a' },
      { goal: 'echo c', run: 'echo c' },
    ]);
    assert.deepEqual(
      [fanOut!['join'], fanOut!['losers'], 'max_parallel' in fanOut!],
      ['all', 'drain', false],
    );
    assert.deepEqual(out.split('\n'), [
      'one    │ a',
      'one    │ b',
      'second │ c',
      '✓ one passed after 1s',
      '✓ second passed after 1s',
      '2 of 2 passed in 2s, no faster than 2 subtasks one after another (2s, estimated) · FIRST-001',
      '',
    ]);
  });

  it('names what did not pass, with its last lines and the command for more', async () => {
    const failed = named(1, 'lint', { verdict: 'failed', reason: 'exit 1', summary: 'x.js: no semicolon' });
    const dropped = named(2, 'docs', {
      verdict: 'cancelled',
      attempt: 0,
      reason: 'the join was unsatisfiable (losers: drain)',
    });
    const host = hostOf({
      children: [named(0, 'test'), failed, dropped],
      join: { outcome: 'unsatisfiable' },
    });
    const { code, out } = await run(['a', 'b', 'c', '--output', 'failed'], host);
    assert.equal(code, 1);
    assert.match(
      out,
      /^✓ test passed .*\n✗ lint failed after 1s: exit 1\n {4}\| x\.js: no semicolon\n {4}→ spl output FIRST-001 lint\n✗ docs was not started: another subtask had failed\n1 of 3 passed.*\n {2}→ to run again what did not pass: spl retry FIRST-001\n$/m,
    );
    for (const word of ['unsatisfiable', 'losers', 'predicate', 'census', 'th_'])
      assert.ok(!out.includes(word), word);
  });

  it('says what went wrong in a subtask that passed', async () => {
    const reason = 'its results are not used: line 1 of $SPL_RESULTS is not of the form KEY=VALUE';
    const children = Array.from({ length: 21 }, (_, i) => named(i, `s${i}`));
    children[7] = named(7, 's7', { reason });
    const { code, out } = await run(['x', '--output', 'failed'], hostOf({ children }));
    assert.equal(code, 0);
    assert.match(
      out,
      /^⚠ s7 passed after 1s: its results are not used: line 1 of .*KEY=VALUE\n21 of 21 passed, 1 with a warning in /,
    );
  });

  it('says that a worker was lost with an earlier attempt', async () => {
    const lost = {
      ...{ attempt: 1, worker: 'worker-b', verdict: 'failed', reason: 'worker lost', lost: true, work: null },
      ...{ cost_usd: 0, tokens: 0, wall_time_secs: 0, started_unix: null, ended_unix: null },
    };
    const children = [named(0, 'one', { attempt: 2, earlier_attempts: [lost] })];
    const { out } = await run(['x'], hostOf({ children, outputs: { 0: 'a\n' } }));
    assert.match(
      out,
      /^one │ · attempt 1 was lost with its worker worker-b; this is attempt 2\none │ a\n✓ one passed after 1s, attempt 2; attempt 1 was lost with its worker worker-b\n/,
    );
  });

  it('says how to go on after the time of the run was over', async () => {
    const children = [named(0, 'one', { verdict: 'cancelled', reason: 'the join was timed_out' })];
    const { out } = await run(['x'], hostOf({ children, join: { outcome: 'timed_out' } }));
    assert.match(out, /timed out.*\n {2}→ to run again what did not pass: spl retry FIRST-001\n$/);
  });

  it('says when it would have been done', async () => {
    const endOf = async (change: Partial<JoinStatus>) => {
      const join = { predicate: 'accepted >= 2', reason: 'the predicate is false', ...change };
      const { out } = await run(['a', '--output', 'failed'], hostOf({ children: [done(0)], join }));
      return out.split('\n').find(line => line.includes(' of 1 passed'));
    };
    assert.match((await endOf({ outcome: 'unsatisfiable' }))!, /passed in \S+, done when accepted >= 2, /);
    assert.doesNotMatch((await endOf({ outcome: 'satisfied' }))!, /done when|predicate/);
  });

  it('names only what did not pass of more than 20 subtasks', async () => {
    const children = Array.from({ length: 21 }, (_, i) => named(i, `s${i}`));
    children[7] = named(7, 's7', { verdict: 'timeout' });
    const { out } = await run(
      ['x', '--output', 'failed'],
      hostOf({ children, join: { outcome: 'unsatisfiable' } }),
    );
    assert.match(out, /✗ s7 timed out/);
    assert.doesNotMatch(out, /✓/);
    assert.match(out, /20 of 21 passed/);
  });

  it('prints one document with --json', async () => {
    const { code, out } = await run(['echo a', '--json']);
    assert.equal(code, 0);
    const document = JSON.parse(out) as JoinStatus & { speedup: object };
    assert.equal(document.outcome, 'satisfied');
    assert.equal(document.children.length, 1);
    assert.ok(document.speedup);
  });

  it('runs a command per line, and keeps going', async () => {
    const host = hostOf({ children: [done(0), done(1)] }, { stdin: 'a b\n\n$(x)\r\n' });
    const { code, fanOut } = await run(['--each', '-', 'npx eslint {}'], host);
    assert.equal(code, 0);
    assert.equal(fanOut!['losers'], 'keep');
    assert.deepEqual(fanOut!['subtasks'], [
      { goal: 'npx eslint a b', run: 'npx eslint "$SPL_ITEM"', env: { SPL_ITEM: 'a b' }, name: 'a b' },
      { goal: 'npx eslint $(x)', run: 'npx eslint "$SPL_ITEM"', env: { SPL_ITEM: '$(x)' }, name: '$(x)' },
    ]);
  });

  it('gives a program without {} the line as its last word', async () => {
    const host = hostOf({ children: [done(0)] }, { stdin: 'a b\n' });
    const { fanOut } = await run(['-e', '-', 'wc -l'], host);
    assert.deepEqual(fanOut!['subtasks'], [
      { goal: 'wc -l a b', run: 'wc -l "$SPL_ITEM"', env: { SPL_ITEM: 'a b' }, name: 'a b' },
    ]);
  });

  it('gives goals to an agent', async () => {
    const { fanOut } = await run(['--agent', 'claude', 'Fix it', '--no-input']);
    assert.deepEqual(fanOut!['subtasks'], [{ goal: 'Fix it', executor: 'agent:claude' }]);
    assert.equal(fanOut!['no_input'], true);
  });

  describe('a plan', () => {
    const PLAN = [
      'goal: Release',
      'join: any',
      'subtasks:',
      '  - {name: lint, run: lint}',
      '  - {name: build, run: build}',
      '  - {name: test-a, run: a, depends: build}',
      '  - {name: test-b, run: b, depends: [build, lint]}',
      '  - {name: docs, run: docs}',
    ].join('\n');

    it('takes its params, and is refused without those that it needs', async () => {
      const text =
        'goal: Deploy\nparams: { to: }\nsubtasks:\n  - name: a\n    run: deploy ${{ params.to }}\n';
      await writeFile(joinPath(folder, 'r.fanout.yaml'), text);
      const host = hostOf({ children: [done(0)] }, { cwd: folder });
      const { fanOut } = await run(['r.fanout.yaml', '--param', 'to=eu'], host);
      const [subtask] = fanOut!['subtasks'] as { run: string; env: object }[];
      assert.deepEqual([subtask!.run, subtask!.env], ['deploy "$SPL_PARAM_to"', { SPL_PARAM_to: 'eu' }]);
      const without = await run(['r.fanout.yaml'], hostOf({ children: [] }, { cwd: folder }));
      assert.match(
        without.err,
        /:2:11: error the param 'to' has no default, and needs a value: --param to=…/,
      );
      const command = await run(['true', '--param', 'to=eu'], hostOf({ children: [] }, { cwd: folder }));
      assert.deepEqual([command.code, /--param needs a plan/.test(command.err)], [2, true]);
    });

    it('runs as a whole', async () => {
      await writeFile(joinPath(folder, 'r.fanout.yaml'), PLAN);
      const host = hostOf({ children: [done(0)] }, { cwd: folder });
      const { opened, fanOut } = await run(['r.fanout.yaml', '--retries', '2', '--timeout', '60'], host);
      assert.equal(opened!['goal'], 'Release');
      assert.equal(fanOut!['join'], 'any');
      assert.equal(fanOut!['timeout_secs'], 60);
      const subtasks = fanOut!['subtasks'] as { name: string; attempts: number }[];
      assert.deepEqual(
        subtasks.map(({ name, attempts }) => [name, attempts]),
        ['lint', 'build', 'test-a', 'test-b', 'docs'].map(name => [name, 3]),
      );
    });

    it('runs in part, with what the part depends on', async () => {
      await writeFile(joinPath(folder, 'r.fanout.yaml'), PLAN);
      const partOf = async (...names: readonly string[]) => {
        const host = hostOf({ children: [done(0)] }, { cwd: folder });
        const { fanOut } = await run(['r.fanout.yaml', ...names], host);
        const subtasks = fanOut!['subtasks'] as { name: string; depends_on?: number[] }[];
        return [fanOut!['join'], ...subtasks.map(({ name, depends_on: on }) => [name, on ?? []])];
      };
      assert.deepEqual(await partOf('test-a'), ['all', ['build', []], ['test-a', [0]]]);
      assert.deepEqual(await partOf('test-*'), [
        'all',
        ['lint', []],
        ['build', []],
        ['test-a', [1]],
        ['test-b', [0, 1]],
      ]);
      const unknown = await run(['r.fanout.yaml', 'biuld'], hostOf({ children: [] }, { cwd: folder }));
      assert.equal(unknown.code, 3);
      assert.match(unknown.err, /has no subtask 'biuld' \(did you mean 'build'\?\)/);
    });

    it('is never only echoed', async () => {
      await writeFile(joinPath(folder, 'r.fanout.yaml'), 'goal: Talk\nsubtasks: [{goal: Say it}]\n');
      const { code, err } = await run(['r.fanout.yaml'], hostOf({ children: [] }, { cwd: folder }));
      assert.equal(code, 4);
      assert.match(err, /subtask 'Say it' has nothing to run/);
    });

    it('that is the only one of the folder needs no name', async () => {
      const host = () => hostOf({ children: [done(0)] }, { cwd: folder });
      await writeFile(joinPath(folder, 'r.fanout.yaml'), PLAN);
      const whole = await run([], host());
      assert.equal(whole.opened!['goal'], 'Release');
      assert.equal(whole.err, '· from r.fanout.yaml\n');
      const part = await run(['test-a', 'li*'], host());
      assert.deepEqual(
        (part.fanOut!['subtasks'] as { name: string }[]).map(({ name }) => name),
        ['lint', 'build', 'test-a'],
      );
      assert.equal(part.err, '· from r.fanout.yaml: test-a, li*\n');
      for (const words of [['lint now'], ['tset-a'], ['make', 'sleep 1']]) {
        const { fanOut, err } = await run(words, host());
        assert.deepEqual(
          fanOut!['subtasks'],
          words.map(word => ({ goal: word, run: word })),
        );
        assert.equal(err, '');
      }
      const mixed = await run(['test-a', 'make'], host());
      assert.equal(mixed.code, 2);
      assert.match(mixed.err, /^error: 'test-a' is a subtask of the plan, and 'make' is not\n/);
      await writeFile(joinPath(folder, 's.fanout.yaml'), PLAN);
      const { code, err } = await run([], host());
      assert.equal(code, 2);
      assert.match(err, /this folder has 2 plans\n.*spl run r\.fanout\.yaml\n.*spl run s\.fanout\.yaml/);
    });

    it('that is not there is no command', async () => {
      const { code, err } = await run(['release.fanout.yaml']);
      assert.equal(code, 3);
      assert.match(err, /no file 'release\.fanout\.yaml'/);
    });
  });

  it('runs scripts of package.json with the package manager of the repository', async () => {
    const member = joinPath(folder, 'packages', 'a');
    await mkdir(member, { recursive: true });
    await writeFile(joinPath(folder, 'pnpm-lock.yaml'), '');
    await writeFile(joinPath(member, 'package.json'), '{"scripts": {"lint": "x", "test:unit": "y"}}');
    const in_ = (cwd: string, ...words: readonly string[]) =>
      run(words, hostOf({ children: [done(0)] }, { cwd }));
    const { fanOut, opened, err } = await in_(member, 'lint', 'test:unit');
    assert.deepEqual(fanOut!['subtasks'], [
      { name: 'lint', goal: 'pnpm run lint', run: 'pnpm run lint' },
      { name: 'test:unit', goal: 'pnpm run test:unit', run: 'pnpm run test:unit' },
    ]);
    assert.equal(opened!['goal'], 'pnpm run lint · pnpm run test:unit');
    assert.equal(fanOut!['run'], 'lint');
    assert.equal(err, '· from package.json: pnpm run lint, pnpm run test:unit\n');
    const chained = await in_(member, 'lint,test:unit', 'lint');
    assert.deepEqual(chained.fanOut!['subtasks'], [
      { goal: 'pnpm run lint', run: 'pnpm run lint' },
      { goal: 'pnpm run test:unit', run: 'pnpm run test:unit', depends_on: [0] },
      { goal: 'pnpm run lint', run: 'pnpm run lint' },
    ]);
    assert.match((await in_(member, 'lint,tset')).err, /'lint' is a script, and 'tset' is not/);
    const mixed = await in_(member, 'lint', 'true');
    assert.deepEqual([mixed.code, mixed.opened], [2, undefined]);
    assert.match(
      mixed.err,
      /'lint' is a script, and 'true' is not\n.*only commands, such as 'npm run lint'\.\n$/,
    );
    await writeFile(joinPath(member, 'check.fanout.yaml'), 'goal: Check\nsubtasks: [{name: lint, run: z}]\n');
    const planned = await in_(member, 'lint');
    assert.equal((planned.fanOut!['subtasks'] as { run: string }[])[0]!.run, 'z');
    await writeFile(
      joinPath(member, 'check.fanout.yaml'),
      'goal: Check\nsubtasks: [{name: a, run: z}, {name: b}]\n',
    );
    const parts = await in_(member, 'a,b');
    assert.match(parts.err, /only scripts of package\.json can be joined by commas\n.*depends/);
  });

  it('runs no word that is probably a misspelt script, subtask or program', async () => {
    await writeFile(joinPath(folder, 'package.json'), '{"scripts": {"lint": "x", "test": "y", "node": "z"}}');
    await writeFile(joinPath(folder, 'r.fanout.yaml'), 'goal: R\nsubtasks: [{name: build, run: b}]\n');
    const env = { PATH: dirname(process.execPath) };
    const typed = (...words: readonly string[]) =>
      run(words, hostOf({ children: [done(0)] }, { cwd: folder, env }));
    for (const [words, near] of [
      [['lint', 'tesst'], 'test'],
      [['npm test', 'lnt'], 'lint'],
      [['biuld'], 'build'],
    ] as const) {
      const { code, err, opened } = await typed(...words);
      assert.deepEqual([code, opened], [2, undefined]);
      assert.ok(
        err.includes(`there is no script, subtask or program '${words.at(-1)}'\n  → Did you mean ${near}?`),
        err,
      );
    }
    assert.match(
      (await run(['lint', 'tset'], hostOf({ children: [] }, { cwd: folder }))).err,
      /'lint' is a script, and 'tset' is not\n.*Did you mean test\?\n.*'npm run lint'/,
    );
    assert.match((await typed('npm test', 'lint')).err, /'lint' is a script, and 'npm test' is not/);
    for (const words of [['node', 'sleep 1'], ['far-from-all'], ['./tset']])
      assert.equal((await typed(...words)).code, 0, words.join(' '));
  });

  describe('without the word run', () => {
    const typed = async (words: readonly string[], options: FakeOptions = {}) => {
      await writeFile(joinPath(folder, 'package.json'), '{"scripts": {"lint": "x", "status": "y"}}');
      await writeFile(joinPath(folder, 'r.fanout.yaml'), 'goal: R\nsubtasks: [{name: build-a, run: b}]\n');
      await writeFile(joinPath(folder, 'status.yaml'), 'goal: S\nsubtasks: [{name: s, run: s}]\n');
      const host = hostOf({ children: [done(0)] }, { ...options, cwd: folder });
      const code = await main(words, host);
      const opened = host.engine.asked.find(({ name }) => name === 'fan-out.open')?.input;
      const { subtasks, max_parallel: atOnce = null } = (opened?.['fan_out'] ?? {}) as {
        subtasks?: readonly { run?: string; goal: string }[];
        max_parallel?: number;
      };
      return { code, runs: subtasks?.map(({ run: line, goal }) => line ?? goal), atOnce, err: host.err.text };
    };

    it('runs a command in quotes, a script, a subtask or a plan file', async () => {
      for (const [words, runs] of [
        [
          ['npm test', 'x'],
          ['npm test', 'x'],
        ],
        [['lint'], ['npm run lint']],
        [['--json', 'lint'], ['npm run lint']],
        [['lint', '--json'], ['npm run lint']],
        [['build-a'], ['b']],
        [['build-*'], ['b']],
        [['r.fanout.yaml'], ['b']],
        [['status.yaml'], ['s']],
        [['--agent', 'claude', 'fix'], ['fix']],
        [['--agent=claude', 'status'], ['status']],
        [['-e', '-', 'status'], ['status "$SPL_ITEM"']],
        [['-e-', 'wc'], ['wc "$SPL_ITEM"']],
        [['--timeout', '9', 'lint'], ['npm run lint']],
      ] as const)
        assert.deepEqual((await typed(words, { stdin: 'a\n' })).runs, runs, words.join(' '));
    });

    it('takes the options of run before and after the words', async () => {
      for (const words of [
        ['-j1', 'lint'],
        ['-j', '1', 'lint'],
        ['lint', '-j1'],
        ['--jobs=1', '--home', 'h', 'lint'],
      ])
        assert.deepEqual((await typed(words)).atOnce, 1, words.join(' '));
    });

    it('runs nothing for a misspelt command, and names what is near', async () => {
      for (const [words, hint] of [
        [['lnt'], 'Did you mean lint?'],
        [['-j1', 'lnt'], 'Did you mean lint?'],
        [['biuld-a'], 'Did you mean build-a?'],
        [['stauts'], 'Did you mean status?'],
        [['complet'], 'Did you mean completion?'],
        [['frobnicate'], 'See: spl --help'],
        [['ls', '-l'], "See: spl --help\n  → A command line needs quotes: spl 'ls -l'"],
      ] as const) {
        const { code, runs, err } = await typed(words);
        assert.deepEqual([code, runs], [2, undefined], words.join(' '));
        assert.match(err, /^error: unknown command '/);
        assert.ok(err.endsWith(`\n  → ${hint}\n`), err);
      }
      const { code, runs, err } = await typed(['lint,statsu']);
      assert.deepEqual([code, runs], [2, undefined]);
      assert.match(err, /^error: 'lint' is a script, and 'statsu' is not\n {2}→ Did you mean status\?\n/);
    });

    it('leaves what is a command, and spl alone, as they are', async () => {
      assert.match((await typed(['-j1', 'status'])).err, /unknown option '-j1'/);
      assert.equal((await typed(['status', 'x'])).runs, undefined);
      assert.deepEqual([(await typed([])).runs, (await typed(['-j1'])).runs], [undefined, undefined]);
      assert.match(
        (await typed(['lint', '--jbs', '1'])).err,
        /unknown option '--jbs'\n {2}→ Did you mean --jobs\?\n/,
      );
    });
  });

  it('refuses what it cannot run, with a way out', async () => {
    for (const [words, message] of [
      [[], /nothing to run was given, and this folder has no plan\n.*spl run 'npm test'/],
      [['npm test', ' '], /a command is empty\n.*spl run 'npm test'/],
      [['--each', '-'], /--each needs a command/],
      [['--agent', 'claude'], /--agent needs a goal/],
      [['--each', '-', 'npx', 'eslint', '{}'], /takes one command.*\n.*spl -e - 'npx eslint \{\}'/],
      [['--each', '-', 'eslint;'], /has no \{\}/],
      [['ls', '-l'], /unknown option '-l'\n.*\n.*quotes: spl 'ls -l'/],
      [['--each', '-', 'echo "{}"'], /position 7 is in double quotes/],
      [['--each', '-', '--agent', 'x', '{}'], /can’t be combined/],
      [['a', '--keep-going', '--fail-fast'], /can’t be combined/],
    ] as const) {
      const { code, err, opened } = await run(words);
      assert.equal(code, 2, words.join(' '));
      assert.match(err, message);
      assert.equal(opened, undefined);
    }
  });

  it('starts a fleet if none runs, with a slot per core', async () => {
    const asked: object[] = [];
    const ensureCoordinator = (options: object) => {
      asked.push(options);
      host.engine.change({ fleet: fleet({ instances: [worker(2)] }) });
      return Promise.resolve({ spawned: true, pid: 1 });
    };
    const host = hostOf(
      { children: [done(0)] },
      { starter: { ensureCoordinator }, answers: { fleet: new FleetError('UNREACHABLE', 'nobody') } },
    );
    const { code, err } = await run(['true'], host);
    assert.equal(code, 0);
    assert.equal((asked[0] as { lingerSecs: number }).lingerSecs, 600);
    const start = host.engine.asked.find(({ name }) => name === 'fleet.start')!.input;
    assert.ok((start['slots'] as number) >= 1);
    assert.match(err, /started a fleet with \d+ slots?; it ends after 10 minutes without work/);
  });

  it('starts workers for the time of the run if -j needs more slots', async () => {
    const spawned = [{ alias: 'worker-b', did: 'd', pid: 2, endpoint: null, home: '/h' }];
    const host = hostOf({ children: [done(0)] }, { answers: { 'fleet.start': started({ spawned }) } });
    const { fanOut } = await run(['-j4', 'true'], host);
    assert.equal(fanOut!['max_parallel'], 4);
    const inputs = (wanted: string) =>
      host.engine.asked.filter(({ name }) => name === wanted).map(({ input }) => input);
    assert.deepEqual(inputs('fleet.start'), [{ workers: 0, executor: null, slots: 4, temporary: true }]);
    assert.deepEqual(
      inputs('fleet.stop').map(({ instance: alias }) => alias),
      ['worker-b'],
    );
    const few = await run(['-j1', 'true']);
    assert.equal(
      few.host.engine.asked.some(({ name }) => name === 'fleet.start'),
      false,
    );
  });

  it('leaves it running with --detach', async () => {
    const host = hostOf({ children: [running(0)] });
    const { code, out } = await run(['sleep 9', '--detach'], host);
    assert.equal(code, 0);
    assert.match(out, /^TASK-001 runs\. To follow it: spl task join-status TASK-001 --watch\n/);
  });

  for (const exitCode of [130, 143, 129])
    it(`cancels the run for a signal, and exits with ${exitCode}`, async () => {
      const host = hostOf({ children: [running(0), pending(1)] });
      const ended = run(['sleep 9', 'sleep 9'], host);
      while (!host.engine.asked.some(({ name }) => name === 'children')) await new Promise(setImmediate);
      host.end(exitCode);
      const { code, out } = await ended;
      assert.equal(code, exitCode);
      assert.equal(host.engine.asked.filter(({ name }) => name === 'task.cancel').length, 1);
      assert.match(out, /was cancelled/);
    });

  it('removes the progress before a second signal ends the process', async () => {
    const world: World = { children: [{ ...running(0), name: 'build' }] };
    const host = hostOf(world, { isTTY: true, env: { NO_COLOR: '1' } });
    const ended = run(['x'], host);
    while (!host.out.text.includes('→ build')) await new Promise(setImmediate);
    host.atOnce();
    assert.ok(host.out.text.endsWith('\u001b[2A\r\u001b[0J'), JSON.stringify(host.out.text.slice(-80)));
    host.end(130);
    await ended;
  });

  it('ends the rest when the time of the run is over', async () => {
    const host = hostOf({ children: [running(0)], join: { complete: true, outcome: 'timed_out' } });
    const { code, out } = await run(['sleep 9', '--timeout', '1'], host);
    assert.equal(code, 1);
    assert.equal(host.engine.asked.filter(({ name }) => name === 'task.cancel').length, 1);
    assert.match(out, /0 of 1 passed.*, timed out/);
  });

  it('says what a subtask waits for, once', async () => {
    const waiting = [
      child({ index: 0, name: 'fix', state: 'pending', verdict: null, reason: 'needs you: which?' }),
    ];
    const world: World = { children: waiting };
    const host = hostOf(world);
    const ended = run(['x'], host);
    while (host.err.text === '') await new Promise(setImmediate);
    world.children = [named(0, 'fix')];
    host.engine.emit({ kind: 'gap' });
    const { err } = await ended;
    assert.equal(err, '· fix: needs you: which?\n');
  });

  it('draws on a terminal what runs and what waits for what, and removes it at the end', async () => {
    const world: World = {
      children: [
        { ...running(0), name: 'build' },
        { ...pending(1), name: 'test', depends_on: [0] },
      ],
      outputs: { 0: 'built\n' },
    };
    const host = hostOf(world, { isTTY: true, env: { NO_COLOR: '1' } });
    const ended = run(['x', 'y'], host);
    while (!host.out.text.includes('waiting for build')) await new Promise(setImmediate);
    assert.match(host.out.text, /TASK-001|FIRST-001/);
    assert.match(
      host.out.text,
      /0 of 2 passed · 1 running · 1 waiting · 0s\n {2}→ build {2}3s\n {2}· test: waiting for build\n/,
    );
    world.children = [named(0, 'build'), named(1, 'test')];
    host.engine.emit({ kind: 'gap' });
    const { code } = await ended;
    assert.equal(code, 0);
    assert.match(host.out.text, /\u001b\[0Jbuild │ built\n/);
    assert.match(host.out.text, /\u001b\[0J✓ build passed after 1s\n/);
  });
});
