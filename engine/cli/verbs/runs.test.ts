import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { RunsDocument } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { fannedOut, fleet, RECORD, task, THREAD } from '../testing/documents.ts';
import { run } from '../testing/fake-host.ts';

type Row = RunsDocument['runs'][number];

const COUNTS = { accepted: 2, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0, pending: 0 };
const row = (change: Partial<Row> = {}): Row => ({
  run: 4,
  task: 'release-4',
  thread: THREAD,
  plan: 'release',
  namespace: 'default',
  goal: 'Check the release',
  round: 1,
  subtasks: 2,
  started_unix: 1_750_000_000,
  wall_secs: 12.34,
  outcome: 'satisfied',
  under_way: false,
  counts: COUNTS,
  needs_you: 0,
  failed: [],
  ...change,
});
const open = { outcome: null, under_way: true } as const;

describe('spl runs', () => {
  it('shows each run with its result in the words of people', async () => {
    const runs = [
      row({ run: 9, ...open, counts: { ...COUNTS, running: 1 } }),
      row({ run: 8, ...open, outcome: 'unsatisfiable', failed: ['lint'] }),
      row({ run: 7, ...open, needs_you: 1, counts: { ...COUNTS, running: 1 } }),
      row({ run: 6, outcome: 'timed_out', failed: ['a', 'b', 'c', 'd', 'e', 'f'] }),
      row({ run: 5, outcome: 'cancelled' }),
      row({ outcome: 'unsatisfiable', round: 2, failed: ['lint'] }),
      row({ run: 3 }),
    ];
    const { code, out, host } = await run(['runs'], { answers: { runs: { runs } } });
    assert.equal(code, 0);
    assert.deepEqual(
      out.split('\n').map(line => line.replace('2025-06-15 15:06:40Z', 'THEN')),
      [
        'RUN         STARTED               RESULT           TIME   TASK       FAILED',
        'release #9  THEN  running          12.3s  release-4',
        'release #8  THEN  waiting          12.3s  release-4  lint',
        'release #7  THEN  needs you        12.3s  release-4',
        'release #6  THEN  timed out        12.3s  release-4  a, b, c, d, e and 1 more',
        'release #5  THEN  cancelled        12.3s  release-4',
        'release #4  THEN  failed, retry 1  12.3s  release-4  lint',
        'release #3  THEN  passed           12.3s  release-4',
        '',
      ],
    );
    assert.deepEqual(host.engine.asked[0]?.input, { limit: 20 });
  });

  it('names the folders where a run is of another one', async () => {
    const runs = [row({ dir: '/home/ada/b', run: 5 }), row({ dir: '/srv' })];
    const { out } = await run(['runs'], { answers: { runs: { runs } } });
    assert.deepEqual(
      out.split('\n').map(line => line.replace('2025-06-15 15:06:40Z', 'THEN')),
      [
        'RUN         STARTED               RESULT  TIME   TASK       FOLDER  FAILED',
        'release #5  THEN  passed  12.3s  release-4  ~/b',
        'release #4  THEN  passed  12.3s  release-4  /srv',
        '',
      ],
    );
  });

  it('is about one plan, named by its runs or by its file', async () => {
    const answers = { runs: { runs: [] } };
    for (const plan of ['release', 'plans/release.fanout.yaml', 'release.yml']) {
      const { host } = await run(['runs', plan, '--limit', '3'], { answers });
      assert.deepEqual(host.engine.asked[0]?.input, { name: 'release', limit: 3 });
    }
    assert.match((await run(['runs'], { answers })).out, /^nothing has been run yet\n {2}→ /);
    assert.equal((await run(['runs', '--limit', '0'], { answers })).code, 2);
  });

  it('of an unknown name are not found, and the name that is near is named', async () => {
    const runs = ({ name }: Record<string, unknown>) => ({ runs: name === undefined ? [row()] : [] });
    for (const words of [
      ['runs', 'relaese'],
      ['runs', 'relaese', '--json'],
    ]) {
      const { code, out, err } = await run(words, { answers: { runs } });
      assert.deepEqual([code, out], [3, '']);
      assert.match(err, /no run is named 'relaese' \(did you mean 'release'\?\)/);
    }
    const { err } = await run(['runs', 'x'], { answers: { runs: { runs: [] } } });
    assert.equal(err, "error: no run is named 'x'\n  → Nothing has been run yet.\n");
  });

  it('prints one document with --json', async () => {
    const answers = { runs: { runs: [row()] } };
    assert.deepEqual(JSON.parse((await run(['runs', '--json'], { answers })).out), answers.runs);
  });
});

describe('spl rerun', () => {
  const opened = {
    ...{ thread: THREAD, alias: 'release-5', record: RECORD, goal: 'g' },
    fan_out: fannedOut({ alias: 'release-5', run: { name: 'release', number: 5 }, notes: ['a note'] }),
  };

  it('says how to come back to a run that is left running', async () => {
    const answers = { 'task.rerun': opened, fleet: fleet(), task: task({ alias: 'release-4' }) };
    const { code, out, host } = await run(['rerun', 'release#4', '--detach'], { answers });
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n'), [
      '⚠ a note',
      'release-5 runs. To follow it: spl task join-status release-5 --watch',
      'To end it: spl task cancel release-5',
      '',
    ]);
    assert.deepEqual(host.engine.asked.at(-1)?.input, { task: 'release#4' });
  });
});

describe('spl archive', () => {
  const running = { fleet: fleet() };
  const answer = (tasks: readonly string[], left = 0, archived = true) => ({
    archived,
    left,
    tasks: tasks.map(alias => ({ thread: THREAD, alias })),
  });

  it('archives the named tasks, and shows them in lists again', async () => {
    const { out, host } = await run(['archive', 'A', 'release#4'], {
      answers: { ...running, archive: answer(['A', 'release-4']) },
    });
    assert.equal(out, '✓ A, release-4 archived\n  → to list archived tasks: spl task list --archived\n');
    assert.deepEqual(host.engine.asked[1]?.input, {
      tasks: ['A', 'release#4'],
      namespace: null,
      undo: false,
    });
    const undone = await run(['archive', '--undo', 'A'], {
      answers: { ...running, archive: answer(['A'], 0, false) },
    });
    assert.equal(undone.out, '✓ A in lists again\n');
    assert.deepEqual(undone.host.engine.asked[1]?.input, { tasks: ['A'], namespace: null, undo: true });
  });

  it('--done goes on until nothing is left', async () => {
    let calls = 0;
    const answers = {
      ...running,
      archive: () => (++calls === 1 ? answer(Array(1_000).fill('T'), 2) : answer(['U', 'V'])),
    };
    assert.match((await run(['archive', '--done'], { answers })).out, /^✓ 1002 tasks archived\n/);
    assert.equal(calls, 2);
    const none = await run(['archive', '--done'], { answers: { ...running, archive: answer([]) } });
    assert.equal(none.out, 'no finished tasks to archive\n');
  });

  it('starts a fleet if none runs', async () => {
    const asked: object[] = [];
    const ensureCoordinator = (options: object) => {
      asked.push(options);
      return Promise.resolve({ spawned: true, pid: 1 });
    };
    const answers = { fleet: new FleetError('UNREACHABLE', 'nobody'), archive: answer(['A']) };
    const { code, err } = await run(['archive', 'A'], { answers, starter: { ensureCoordinator } });
    assert.deepEqual([code, asked.length], [0, 1]);
    assert.equal(err, '· started a fleet; it ends after 10 minutes without work\n');
  });

  it('takes either tasks or --done', async () => {
    for (const words of [[], ['A', '--done'], ['--undo'], ['--undo', '--done']])
      assert.equal((await run(['archive', ...words])).code, 2, words.join(' '));
  });

  it('task list --archived lists only archived tasks', async () => {
    const { out, host } = await run(['task', 'list', '--archived'], {
      answers: { tasks: { tasks: [task()] } },
    });
    assert.match(out, /\nFIRST-001 /);
    assert.deepEqual(host.engine.asked[0]?.input, { all: false, archived: true });
    const none = await run(['task', 'list', '--archived'], { answers: { tasks: { tasks: [] } } });
    assert.equal(none.out, 'no archived tasks\n');
  });
});
