import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, it } from 'mocha';
import { ended, scenario, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

/**
 * Checks the documents that `--json` prints, from a real fleet, against the contract. The contract is written here by
 * hand and not taken from the engine's schemas. Members may be added, so only the listed ones are checked.
 */

const onFleet = sharedFleet({ echoMs: 0 });

describe('the documents of --json', function () {
  this.timeout(120_000);

  it(
    'of the fleet: names, types and nulls are as listed',
    onFleet(async fleet => {
      const started = await fleet.json('fleet', 'start', '--workers', '2');
      matches(started, { ...FLEET, instances: [{ ...INSTANCE, home: 'text' }] });
      for (const words of [
        ['fleet', 'list'],
        ['fleet', 'status'],
      ]) {
        const document = await fleet.json(...words);
        matches(document, FLEET);
        assert.deepEqual(
          valuesOf(document, 'live', 'stale', 'archived', 'heartbeat_interval_secs'),
          [3, 0, 0, 5],
        );
        assert.deepEqual(valuesOf(document, 'freezes', 'emergency'), [[], null]);
        assert.match(document['coordinator_url'] as string, /^http:\/\/127\.0\.0\.1:\d+$/);
        const instances = document['instances'] as Record<string, unknown>[];
        assert.deepEqual(
          instances.map(instance => valuesOf(instance, 'alias', 'role', 'status', 'health')),
          [
            ['coordinator', 'coordinator', 'live', 'healthy'],
            ['worker-a', 'worker', 'live', 'healthy'],
            ['worker-b', 'worker', 'live', 'healthy'],
          ],
        );
        for (const { did, endpoint } of instances) {
          assert.match(did as string, /^did:sync:instance:[0-9a-f]{16}$/);
          assert.match(endpoint as string, /^http:\/\/127\.0\.0\.1:\d+$/);
        }
      }
    }),
  );

  it(
    'of tasks, fan-outs and joins: names, types and nulls are as listed, in every state of a subtask',
    onFleet(async fleet => {
      const added = await fleet.json('task', 'add', 'a goal', '--alias', 'DOCS');
      matches(added, { thread: 'thread', alias: 'text', record: 'id' });
      const none = await fleet.json('task', 'join-status', 'DOCS');
      matches(none, JOIN);
      assert.deepEqual(
        valuesOf(none, 'subtasks', 'spawned', 'predicate', 'complete', 'outcome', 'children'),
        [0, 0, null, false, null, []],
      );

      const waits = 'while [ ! -e go ]; do sleep 0.1; done';
      const fannedOut = await fleet.json(
        ...['task', 'fan-out', 'DOCS', '--losers', 'keep'],
        ...['--subtask', `goal=runs,name=first,run="${waits}; echo out; echo err >&2"`],
        ...['--subtask', 'goal=waits,depends=0'],
        ...['--subtask', 'goal=fails,run="echo no; exit 3"'],
      );
      matches(fannedOut, { thread: 'thread', record: 'id', subtasks: 'count', join: 'text' });
      assert.deepEqual(valuesOf(fannedOut, 'thread', 'subtasks', 'join'), [added['thread'], 3, 'all']);

      await fleet.joinWhen(
        'DOCS',
        'one runs, one waits, one is done',
        ({ counts }) => counts.running === 1 && counts.pending === 1 && counts.failed === 1,
      );
      const now = await fleet.json('task', 'join-status', 'DOCS');
      matches(now, JOIN);
      assert.deepEqual(childFacts(now), [
        ['first', 'running', null, null, []],
        [null, 'pending', null, null, [0]],
        [null, 'done', 'failed', 3, []],
      ]);
      assert.deepEqual(now['counts'], {
        ...{ accepted: 0, rejected: 0, failed: 1, timed_out: 0, cancelled: 0, running: 1, pending: 1 },
      });
      await writeFile(fleet.at('go'), '');
      await fleet.joinWhen('DOCS', 'the rest is done', ({ counts }) => counts.accepted === 2);
      const done = await fleet.json('task', 'join-status', 'DOCS');
      matches(done, JOIN);
      assert.deepEqual(childFacts(done).slice(0, 2), [
        ['first', 'done', 'accept', 0, []],
        [null, 'done', 'accept', null, [0]],
      ]);
      assert.deepEqual(valuesOf(done, 'complete', 'outcome', 'round'), [true, 'unsatisfiable', 1]);
      matches(await fleet.json('thread', 'records', 'DOCS'), { thread: 'thread', records: [RECORD] });
    }),
  );

  it(
    'of namespaces: names, types and nulls are as listed, and names may contain a /',
    scenario({}, async fleet => {
      await fleet.startFleet(0);
      await fleet.json('namespace', 'create', 'acme', '--description', 'all of Acme');
      const created = await fleet.json('namespace', 'create', 'acme/web');
      assert.deepEqual(valuesOf(created, 'id', 'status', 'level', 'description'), [
        ...['acme/web', 'active', 'PROJECT', null],
      ]);
      const list = await fleet.json<{ namespaces: Record<string, unknown>[]; explicit: number }>(
        ...['namespace', 'list'],
      );
      assert.equal(list.explicit, 2);
      assert.deepEqual(
        list.namespaces.map(each => valuesOf(each, 'id', 'status', 'level', 'description')),
        [
          ['default', 'active', 'DEFAULT', null],
          ['acme', 'active', 'ORG', 'all of Acme'],
          ['acme/web', 'active', 'PROJECT', null],
        ],
      );
      const shown = await fleet.json('namespace', 'show', 'acme/web');
      assert.deepEqual(shown['chain'], [
        { id: 'acme/web', active: true },
        { id: 'acme', active: true },
        { id: 'default', active: true },
      ]);
      const archived = await fleet.json('namespace', 'archive', 'acme');
      assert.deepEqual(valuesOf(archived, 'status', 'own_status', 'archived_by'), [
        ...['archived', 'archived', 'acme'],
      ]);
      const effective = await fleet.json('namespace', 'resolve', 'acme/web');
      assert.deepEqual(effective, {
        ...{ namespace: 'acme/web', status: 'archived', archived_by: 'acme' },
        allow: { acts: null, executors: null, targets: null },
        deny: { acts: [], executors: [], targets: [] },
        limits: { max_children: null, max_parallel: null, budget_usd: null, timeout_secs: null },
        usage: [],
      });
    }),
  );

  it(
    'of `--wait`, `--watch` and speedup: one document, or one per line',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'a goal', '--alias', 'WAITS');
      const waited = await fleet.json(
        ...['task', 'fan-out', 'WAITS', '--wait', '--subtask', 'goal=one', '--subtask', 'goal=two'],
      );
      matches(waited, { thread: 'thread', record: 'id', subtasks: 'count', join: 'text' });
      matches(waited, JOIN);
      assert.deepEqual(valuesOf(waited, 'complete', 'outcome'), [true, 'satisfied']);

      const weak = await fleet.json('task', 'speedup', 'WAITS');
      matches(weak, { ...SPEEDUP, measured: 'null' });
      const serial = await fleet.json('task', 'run-serial', 'WAITS', '--wait');
      const measured = await fleet.json(
        ...['task', 'speedup', 'WAITS', '--vs-serial', serial['thread'] as string],
      );
      matches(measured, { ...SPEEDUP, measured: MEASURED });
      const { serial_thread: thread, cost_ratio: ratio } = measured['measured'] as Record<string, unknown>;
      assert.deepEqual(
        [thread, ratio],
        [serial['thread'], null],
        'nothing was paid, so that costs have no ratio',
      );

      await fleet.json('task', 'add', 'a goal', '--alias', 'WATCHED');
      await fleet.json(
        'task',
        'fan-out',
        'WATCHED',
        '--subtask',
        'goal=one',
        '--subtask',
        'goal=two,depends=0',
      );
      const watch = await fleet.spl('task', 'join-status', 'WATCHED', '--watch', '--json');
      const lines = watch.out.trimEnd().split('\n');
      for (const line of lines) matches(JSON.parse(line), JOIN);
      assert.deepEqual([watch.code, outcomeOf(lines.at(-1)!)], [0, 'satisfied']);
    }),
  );

  it(
    'of all other commands: one document on one line, its members in snake_case, nothing on stderr, also from the built program',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await fleet.json('task', 'add', 'a goal', '--alias', 'ALL');
      await fleet.json('task', 'fan-out', 'ALL', '--wait', '--subtask', 'goal=one,run="echo printed"');
      const commands: readonly (readonly string[])[] = [
        ['fleet', 'show', 'worker-a'],
        ['fleet', 'ping', 'worker-a'],
        ['fleet', 'restart', 'worker-b'],
        ['task', 'list', '--all'],
        ['task', 'show', 'ALL'],
        ['task', 'tree', 'ALL'],
        ['task', 'output', 'ALL', '--subtask', '0'],
        ['worktree', 'list'],
        ['know', 'something', '--thread', 'th_notes'],
        ['thread', 'list'],
        ['thread', 'show', 'ALL'],
        ['debug', 'replay', 'ALL'],
        ['rerun', 'ALL'],
        ['runs'],
        ['archive', '--done'],
        ['archive', '--undo', 'ALL'],
        ['query', 'SELECT count(*) AS n FROM records'],
        ['namespace', 'list'],
        ['rule', 'list'],
        ['token', 'list'],
        ['expr', 'check', 'accepted >= 1'],
        ['plan', 'init'],
        ['plan', 'init', 'last.fanout.yaml', '--from-last'],
        ['plan', 'check', 'last.fanout.yaml'],
        ['status'],
        ['serve', '--status'],
        ['version'],
        ['completion', 'bash'],
        ['fleet', 'stop', '--instance', 'worker-b'],
      ];
      for (const words of commands) {
        // The first command of each group runs in a process of the built program.
        const isFirst = words === commands.find(([group]) => group === words[0]);
        const { code, out, err } = await fleet[isFirst ? 'splProcess' : 'spl'](...words, '--json');
        assert.deepEqual([code, err], [0, ''], words.join(' '));
        assert.equal(out.indexOf('\n'), out.length - 1, `${words.join(' ')}: one line`);
        inSnakeCase(JSON.parse(out), words.join(' '));
      }
    }),
  );

  it(
    'of errors: {error: {code, message, details}} on stderr and nothing else, and each exit code from 0 to 6 occurs',
    onFleet(async fleet => {
      const codes = new Set<number>();
      const errs = async (exit: number, code: string, ...words: readonly string[]): Promise<void> => {
        // The first command with each exit code runs in a separate process.
        const ran = await fleet[codes.has(exit) ? 'spl' : 'splProcess'](...words, '--json');
        codes.add(exit);
        assert.deepEqual([ran.code, ran.out], [exit, ''], words.join(' '));
        const document = JSON.parse(ran.err) as Record<string, unknown>;
        assert.deepEqual(Object.keys(document), ['error']);
        matches(document, { error: { code: 'text', message: 'text', details: 'object' } });
        assert.equal((document['error'] as Record<string, unknown>)['code'], code);
      };
      await errs(5, 'UNREACHABLE', 'fleet', 'list', '--home', fleet.at('none'));
      await errs(5, 'UNREACHABLE', 'fleet', 'list', '--url', 'http://127.0.0.1:9');
      await fleet.json('task', 'add', 'a goal', '--alias', 'ENDS');
      await errs(2, 'USAGE', 'fleet', 'list', '--wide');
      await errs(2, 'USAGE', 'fleet', 'start', '--workers', '65');
      await errs(3, 'NOT_FOUND', 'task', 'show', 'NOBODY');
      await errs(4, 'INVALID_RECORD', 'task', 'fan-out', 'ENDS', '--subtask', 'goal=x,colour=red');
      await errs(4, 'CONFLICT', 'task', 'add', 'again', '--alias', 'ENDS');
      await errs(3, 'NOT_FOUND', 'fleet', 'start', '--share', 'th_x');
      const { coordinator_url: url } = await fleet.state();
      const strange = ['--url', url, '--token', 'x'.repeat(43)];
      await errs(6, 'AUTH_REQUIRED', 'fleet', 'list', ...strange);

      const failed = await fleet.splProcess(
        ...['task', 'fan-out', 'ENDS', '--wait', '--json', '--subtask', 'goal=fails,run="exit 1"'],
      );
      assert.deepEqual([failed.code, outcomeOf(failed.out)], [1, 'unsatisfiable']);
      assert.equal((await fleet.spl('task', 'join-status', 'ENDS', '--watch', '--json')).code, 1);
      const reported = await fleet.splProcess('task', 'join-status', 'ENDS', '--json');
      assert.equal(reported.code, 0, 'it could report');
    }),
  );

  it(
    'are complete when the output of a run is read in pieces',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'a goal', '--alias', 'PRINTS');
      await fleet.json(
        ...[
          'task',
          'fan-out',
          'PRINTS',
          '--subtask',
          'goal=prints,run="echo a; while [ ! -e go ]; do sleep 0.1; done; echo b"',
        ],
      );
      const follow = fleet.start(['task', 'output', 'PRINTS', '--subtask', '0', '--follow', '--json']);
      const ending = ended(follow);
      await firstChunk(follow);
      await writeFile(fleet.at('go'), '');
      const { code, out } = await ending;
      const [info, ...chunks] = out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as Record<string, unknown>);
      matches(info, { task: 'text', subtask: 'count', attempt: 'count', worker: 'text', running: 'flag' });
      assert.deepEqual([code, chunks.map(({ chunk }) => chunk).join('')], [0, 'a\nb\n']);
    }),
  );
});

/** The required shape of a member. A list contains the shape of its elements; `?` allows null. */
type Shape = string | { readonly [name: string]: Shape } | readonly [Shape];

const INSTANCE = {
  did: 'text',
  alias: 'text',
  role: 'text',
  endpoint: 'text?',
  status: 'text',
  version: 'text',
  uptime_secs: 'number',
  health: 'text',
  active_dispatches: 'count',
  store_records: 'count',
  last_heartbeat_unix: 'number?',
  pid: 'count?',
} as const;

const FLEET = {
  instances: [INSTANCE],
  live: 'count',
  stale: 'count',
  archived: 'count',
  heartbeat_interval_secs: 'number',
  coordinator_url: 'text',
  freezes: [{ namespace: 'text', level: 'text', reason: 'text' }],
  emergency: 'object?',
} as const;

const JOIN = {
  thread: 'thread',
  alias: 'text',
  round: 'count',
  subtasks: 'count',
  spawned: 'count',
  completed: 'count',
  predicate: 'text?',
  complete: 'flag',
  outcome: 'text?',
  reason: 'text?',
  counts: {
    accepted: 'count',
    rejected: 'count',
    failed: 'count',
    timed_out: 'count',
    cancelled: 'count',
    running: 'count',
    pending: 'count',
  },
  children: [
    {
      index: 'count',
      name: 'text?',
      goal: 'text',
      target: 'text',
      worker: 'text?',
      state: 'text',
      verdict: 'text?',
      reason: 'text?',
      cost_usd: 'number',
      wall_time_secs: 'number',
      exit_code: 'count?',
      summary: 'text?',
      attempt: 'count',
      depends_on: ['count'],
    },
  ],
} as const;

const MEASURED = {
  serial_thread: 'thread',
  serial_wall_secs: 'number',
  speedup: 'number?',
  efficiency: 'number?',
  ceiling: 'number?',
  cost_ratio: 'number?',
} as const;

const SPEEDUP = {
  thread: 'thread',
  subtasks: 'count',
  walls_secs: ['number'],
  parallel_wall_secs: 'number',
  critical_path_secs: 'number',
  measured_wall_secs: 'number',
  total_cost_usd: 'number',
  weak: { serial_estimate_secs: 'number', speedup: 'number' },
} as const;

const RECORD = {
  id: 'id',
  parents: ['id'],
  thread: 'thread',
  actor: 'text',
  act: 'text',
  body: 'object',
  clock: 'count',
  data_type: 'text',
  judged_by: 'text?',
} as const;

const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: value => typeof value === 'string',
  id: value => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  thread: value => typeof value === 'string' && /^th_[0-9a-f]{64}$/.test(value),
  number: value => typeof value === 'number' && Number.isFinite(value),
  count: value => Number.isSafeInteger(value) && (value as number) >= 0,
  flag: value => typeof value === 'boolean',
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  null: value => value === null,
};

function matches(value: unknown, shape: Shape, path = 'the document'): void {
  if (typeof shape === 'string') {
    if (shape.endsWith('?') && value === null) return;
    const isOfKind = KINDS[shape.replace('?', '')]!;
    assert.ok(isOfKind(value), `${path} is ${JSON.stringify(value)}, and not ${shape}`);
  } else if (isList(shape)) {
    assert.ok(Array.isArray(value), `${path} is a list`);
    value.forEach((element, i) => matches(element, shape[0], `${path}[${i}]`));
  } else {
    matches(value, 'object', path);
    for (const [name, inner] of Object.entries(shape)) {
      assert.ok(Object.hasOwn(value as object, name), `${path} has '${name}'`);
      matches((value as Record<string, unknown>)[name], inner, `${path}.${name}`);
    }
  }
}

const isList = (shape: Exclude<Shape, string>): shape is readonly [Shape] => Array.isArray(shape);

function inSnakeCase(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    // The acts of a thread are counted under their own names.
    if (path.endsWith('.acts')) continue;
    assert.match(name, /^(?:[a-z][a-z0-9_]*|\d+)$/, `'${name}' of ${path}`);
    inSnakeCase(inner, `${path}.${name}`);
  }
}

function valuesOf(document: Record<string, unknown>, ...names: readonly string[]): unknown[] {
  return names.map(name => document[name]);
}

function childFacts(join: Record<string, unknown>): unknown[][] {
  const children = join['children'] as Record<string, unknown>[];
  return children.map(child => valuesOf(child, 'name', 'state', 'verdict', 'exit_code', 'depends_on'));
}

const outcomeOf = (text: string): unknown => (JSON.parse(text) as Record<string, unknown>)['outcome'];

async function firstChunk(follow: ReturnType<Scenario['start']>): Promise<void> {
  let seen = '';
  await new Promise<void>((resolve, reject) => {
    follow.once('close', () => reject(new Error(`it ended before anything was printed: ${seen}`)));
    follow.stdout!.on('data', (text: string) => {
      seen += text;
      if (seen.includes('"chunk"')) resolve();
    });
  });
}
