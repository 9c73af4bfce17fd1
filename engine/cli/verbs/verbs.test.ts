import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import {
  child,
  COORDINATOR_DID,
  done,
  fannedOut,
  fleet,
  health,
  instance,
  join,
  RECORD,
  running,
  speedup,
  started,
  task,
  THREAD,
  WORKER_A_DID,
  WORKER_B_DID,
} from '../testing/documents.ts';
import { run, type FakeOptions } from '../testing/fake-host.ts';

const ACTOR = 'did:sync:user:ada';

const worktree = {
  name: 'TUT-001-0-1',
  worker: 'worker-a',
  dir: '/home/worktrees/TUT-001-0-1',
  repository: '/work',
  branch: 'spl/TUT-001/0-1',
  base: 'c0ffee',
  task: 'TUT-001',
  subtask: 0,
  attempt: 1,
  state: 'kept',
  made_unix: 1,
} as const;

const token = {
  id: '0123456789abcdef',
  scopes: ['read', 'write'],
  namespace: 'acme',
  label: 'ci',
  actor: 'did:sync:user:token-0123456789abcdef',
  created_by: ACTOR,
  created_unix: 1,
  expires_unix: 86_400,
  expired: true,
};

describe('spl token', () => {
  it('create shows the token once, alone on the last line', async () => {
    const answers = { 'token.create': { ...token, expired: false, token: 'spl_secret' } };
    const words = ['--scope', 'read,write', '--scope', 'write', '--namespace', 'acme', '--expires', '30d'];
    const { code, out, host } = await run(['token', 'create', ...words, '--label', 'ci'], { answers });
    assert.equal(code, 0);
    assert.match(out, /^✓ token 0123456789abcdef made: read, write in acme, until 1970-01-02 00:00:00Z\n/);
    assert.match(out, /writes as did:sync:user:token-0123456789abcdef[^\n]*\nspl_secret\n$/);
    const { expires_secs: secs, ...rest } = host.engine.asked.at(-1)?.input as { expires_secs: number };
    assert.deepEqual(rest, { scopes: ['read', 'write'], namespace: 'acme', label: 'ci' });
    assert.equal(Math.round(secs), 30 * 86_400);
  });

  it('create requests the exact second of a date', async () => {
    const answers = { 'token.create': { ...token, token: 'spl_secret' } };
    const end = Math.ceil(Date.now() / 1000) + 86_400;
    const words = ['token', 'create', '--expires', new Date(end * 1000).toISOString().slice(0, 19) + 'Z'];
    const from = Date.now() / 1000;
    const { host } = await run(words, { answers });
    const { expires_secs: secs } = host.engine.asked.at(-1)?.input as { expires_secs: number };
    const asked = end - secs;
    assert.ok(from - 0.001 <= asked && asked <= Date.now() / 1000 + 0.001, `${asked - from} s from the call`);
  });

  it('create makes a reading token without end by default', async () => {
    const answers = { 'token.create': { ...token, expires_unix: null, token: 'spl_secret' } };
    const { out, host } = await run(['token', 'create'], { answers });
    assert.match(out, /without end/);
    const input = { scopes: ['read'], namespace: null, expires_secs: null, label: null };
    assert.deepEqual(host.engine.asked.at(-1)?.input, input);
    const wrong = await run(['token', 'create', '--scope', 'admin'], { answers });
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /--scope 'admin' is not a scope\n {2}→ It must be one of read, write, control\./);
  });

  it('list shows the permissions of each, or that there is none', async () => {
    const { out } = await run(['token', 'list'], { answers: { tokens: { tokens: [token] } } });
    assert.match(
      out,
      /^ID +SCOPES +NAMESPACE +ENDS +MADE BY +LABEL\n0123456789abcdef +read,write +acme +expired 1970/,
    );
    const none = await run(['token', 'list'], { answers: { tokens: { tokens: [] } } });
    assert.equal(none.out, 'no tokens except the home’s own\n');
  });

  it('revoke names the revoked one', async () => {
    const { out, host } = await run(['token', 'revoke', token.id], { answers: { 'token.revoke': token } });
    assert.equal(out, '✓ token 0123456789abcdef revoked\n');
    assert.deepEqual(host.engine.asked.at(-1)?.input, { token: token.id });
  });
});

describe('spl worktree', () => {
  it('list shows each, or that there is none', async () => {
    const { out } = await run(['worktree', 'list'], { answers: { worktrees: { worktrees: [worktree] } } });
    assert.match(
      out,
      /^BRANCH +SUBTASK +STATE +WORKER +FOLDER\nspl\/TUT-001\/0-1 +TUT-001 \[0\] +kept +worker-a +\/home/,
    );
    const lint = { ...worktree, subtask_name: 'lint' };
    const named = await run(['worktree', 'list'], { answers: { worktrees: { worktrees: [lint] } } });
    assert.match(named.out, / TUT-001 lint +kept /);
    const none = await run(['worktree', 'list'], { answers: { worktrees: { worktrees: [] } } });
    assert.equal(none.out, 'no worktrees\n');
  });

  it('remove reports what happened to the branch', async () => {
    const removed = { name: 'TUT-001-0-1', branch: 'spl/TUT-001/0-1', branch_kept: true };
    const kept = await run(['worktree', 'remove', 'spl/TUT-001/0-1'], {
      answers: { 'worktree.remove': removed },
    });
    assert.match(kept.out, /✓ worktree 'TUT-001-0-1' removed\n {2}· branch spl\/TUT-001\/0-1 stays/);
    assert.deepEqual(kept.host.engine.asked.at(-1)?.input, { worktree: 'spl/TUT-001/0-1', force: false });
    const answers = { 'worktree.remove': { ...removed, branch_kept: false } };
    const gone = await run(['worktree', 'remove', 'x', '--force'], { answers });
    assert.match(gone.out, /branch spl\/TUT-001\/0-1 is gone\n$/);
    const ignored = { 'worktree.remove': { ...removed, ignored_files: 2, ignored_bytes: 20_000 } };
    const told = await run(['worktree', 'remove', 'x'], { answers: ignored });
    assert.match(told.out, /2 ignored files \(0\.02 MB\) went with it\n$/);
  });
});

describe('spl fleet start', () => {
  it('starts a coordinator and the workers, and prints the tutorial’s lines', async () => {
    const answers = { 'fleet.start': started(), worktrees: { worktrees: [] } };
    const { code, out, host } = await run(['fleet', 'start', '--workers', '2'], { answers });
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n'), [
      'Starting local fleet: 1 coordinator + 2 workers',
      '  [coordinator] spawned PID 11 on :9100 (home=~/.syncro)',
      '  [worker-a]    spawned PID 12 on :9201 (home=~/.syncro-worker-a)',
      '  [worker-b]    spawned PID 13 on :9202 (home=~/.syncro-worker-b)',
      'fleet converged',
      `  coordinator ${COORDINATOR_DID} on :9100`,
      `  worker-a    ${WORKER_A_DID} on :9201`,
      `  worker-b    ${WORKER_B_DID} on :9202`,
      '',
    ]);
    assert.deepEqual(host.engine.asked.at(-2), {
      name: 'fleet.start',
      input: { workers: 2, executor: null },
      actor: ACTOR,
    });
  });

  it('reports leftover worktrees', async () => {
    const left = { ...worktree, state: 'left' } as const;
    const answers = { 'fleet.start': started(), worktrees: { worktrees: [worktree, left] } };
    const { out } = await run(['fleet', 'start'], { answers });
    assert.match(out, /⚠ 1 worktree left by interrupted attempts: spl worktree list/);
  });

  it('starts two workers by default, and reuses a coordinator', async () => {
    const options: FakeOptions = {
      answers: { 'fleet.start': started(), worktrees: { worktrees: [] } },
      starter: { ensureCoordinator: () => Promise.resolve({ spawned: false, pid: 11 }) },
    };
    const { out, host } = await run(['fleet', 'start', '--executor', 'shell'], options);
    assert.match(out, /\[coordinator\] running PID 11 on :9100/);
    assert.deepEqual(host.engine.asked.at(-2)?.input, { workers: 2, executor: 'shell' });
  });

  it('starts nothing with a URL', async () => {
    const options: FakeOptions = {
      answers: { 'fleet.start': started(), worktrees: { worktrees: [] } },
      starter: { ensureCoordinator: () => Promise.reject(new Error('must not be asked')) },
    };
    assert.equal((await run(['fleet', 'start', '--url', 'http://127.0.0.1:1'], options)).code, 0);
  });

  it('prints one document with --json', async () => {
    const answers = { 'fleet.start': started(), worktrees: { worktrees: [] } };
    const { out } = await run(['fleet', 'start', '--json'], { answers });
    assert.deepEqual(JSON.parse(out), started());
  });

  it('names the instance that did not start, and exits with 1', async () => {
    const answers = {
      'fleet.start': new FleetError('WORKER_FAILED', 'worker-b did not come within 30 s: port in use'),
    };
    const { code, err } = await run(['fleet', 'start'], { answers });
    assert.deepEqual([code, err], [1, 'error: worker-b did not come within 30 s: port in use\n']);
  });
});

describe('spl fleet stop', () => {
  const gone = { alias: 'worker-a', did: WORKER_A_DID, pid: 12, how: 'drained', handed_back: 0 };

  it('stops the workers by default, with ten seconds of grace', async () => {
    const answers = { health: health(), 'fleet.stop': { stopped: [gone], coordinator_stopping: false } };
    const { code, out, host } = await run(['fleet', 'stop'], { answers });
    assert.deepEqual([code, out], [0, '✓ worker-a stopped (drained)\n']);
    assert.deepEqual(host.engine.asked.at(-1)?.input, { scope: 'workers', instance: null, grace_secs: 10 });
  });

  it('waits until the coordinator’s process is gone', async () => {
    const waited: number[] = [];
    const answers = {
      health: health({ pid: 77 }),
      'fleet.stop': { stopped: [], coordinator_stopping: true },
    };
    const awaitGone = ({ pid }: { pid: number }) => Promise.resolve(waited.push(pid) > 0);
    const { code, out, host } = await run(['fleet', 'stop', '--all', '--grace', '1.5'], {
      answers,
      starter: { awaitGone },
    });
    assert.deepEqual([code, out, waited], [0, '✓ coordinator stopped\n', [77]]);
    assert.deepEqual(host.engine.asked.at(-1)?.input, { scope: 'all', instance: null, grace_secs: 1.5 });
  });

  it('stops workers that a dead coordinator left; without any, no fleet is running', async () => {
    const asked: unknown[] = [];
    const unreachable = new FleetError('UNREACHABLE', 'nothing answers');
    const stopLeft = (options: { instance: string | null }) =>
      Promise.resolve(
        asked.push(options) && options.instance === null ? [{ ...gone, how: 'killed' as const }] : [],
      );
    const all = await run(['fleet', 'stop', '--all'], { unreachable, starter: { stopLeft } });
    assert.deepEqual([all.code, all.out], [0, '✓ worker-a stopped (killed)\n· no coordinator was running\n']);
    const one = await run(['fleet', 'stop', '--instance', 'worker-b'], {
      unreachable,
      starter: { stopLeft },
    });
    assert.deepEqual([one.code, one.out], [5, '']);
    assert.match(one.err, /no fleet is running/);
    const far = await run(['fleet', 'stop', '--url', 'http://127.0.0.1:9'], {
      unreachable,
      starter: { stopLeft },
    });
    assert.equal(far.code, 5);
    const options = { home: '/home/ada/.syncro', graceMs: 10_000 };
    assert.deepEqual(asked, [
      { ...options, scope: 'all', instance: null },
      { ...options, scope: 'workers', instance: 'worker-b' },
    ]);
  });

  it('fails when the coordinator stays', async () => {
    const answers = {
      health: health({ pid: 77 }),
      'fleet.stop': { stopped: [], coordinator_stopping: true },
    };
    const { code, err } = await run(['fleet', 'stop', '--all'], {
      answers,
      starter: { awaitGone: () => Promise.resolve(false) },
    });
    assert.equal(code, 1);
    assert.match(err, /the coordinator \(PID 77\) did not stop/);
  });
});

describe('spl fleet show, ping, status, restart', () => {
  it('asks for the instance by name', async () => {
    const { code, host, out } = await run(['fleet', 'show', 'worker-a'], {
      answers: { instance: instance() },
    });
    assert.equal(code, 0);
    assert.match(out, /Home: +~\/\.syncro-worker-a/);
    assert.deepEqual(host.engine.asked[0]?.input, { instance: 'worker-a' });
  });

  it('exits with 5 if an instance does not answer', async () => {
    const ping = {
      did: WORKER_A_DID,
      alias: 'worker-a',
      reachable: true,
      rtt_ms: 2.2,
      status: 200,
      reason: null,
    };
    const reached = await run(['fleet', 'ping', 'worker-a'], { answers: { ping } });
    assert.deepEqual([reached.code, reached.out], [0, `✓ ${WORKER_A_DID} reachable in 2ms (200 OK)\n`]);
    const silent = { ...ping, reachable: false, rtt_ms: null, status: null, reason: 'refused' };
    assert.equal((await run(['fleet', 'ping', 'worker-a'], { answers: { ping: silent } })).code, 5);
  });

  it('shows the fleet in figures', async () => {
    const { out } = await run(['fleet', 'status'], { answers: { fleet: fleet() } });
    assert.match(
      out,
      /^Fleet status\n {2}Coordinator: +http:\/\/127\.0\.0\.1:9100\n {2}Heartbeat: +every 5s/,
    );
  });

  it('restarts a worker', async () => {
    const answers = { 'fleet.restart': instance({ pid: 99 }) };
    const { out, host } = await run(['fleet', 'restart', 'worker-a'], { answers });
    assert.equal(out, '✓ worker-a restarted: PID 99 on :9201\n');
    assert.deepEqual(host.engine.asked[0]?.input, { instance: 'worker-a' });
  });
});

describe('spl task add', () => {
  const added = { thread: THREAD, alias: 'FIRST-001', record: RECORD, goal: 'Draft the notes' };

  it('prints the tutorial’s lines and records the caller’s folder', async () => {
    const { code, out, host } = await run(['task', 'add', 'Draft the notes', '--alias', 'FIRST-001'], {
      answers: { 'task.add': added },
      cwd: '/home/ada/src',
    });
    assert.equal(code, 0);
    assert.equal(out, `◇ Task created: Draft the notes\n  thread: ${THREAD}\n  alias:  FIRST-001\n`);
    assert.deepEqual(host.engine.asked[0], {
      name: 'task.add',
      actor: ACTOR,
      input: {
        goal: 'Draft the notes',
        alias: 'FIRST-001',
        priority: 'medium',
        labels: [],
        domain: null,
        hypothesis: null,
        criteria: [],
        namespace: null,
        dir: '/home/ada/src',
      },
    });
  });

  it('passes every option on, with an absolute folder', async () => {
    const words = ['task', 'add', 'g', '--priority', 'high', '--label', 'a', '--label', 'b', '--domain', 'd'];
    words.push(
      '--hypothesis',
      'h',
      '--criteria',
      'c1',
      '--criteria',
      'c2',
      '--dir',
      'sub',
      '--namespace',
      'default',
    );
    const { host } = await run(words, { answers: { 'task.add': added }, cwd: '/home/ada/src' });
    assert.deepEqual(host.engine.asked[0]?.input, {
      goal: 'g',
      alias: null,
      priority: 'high',
      labels: ['a', 'b'],
      domain: 'd',
      hypothesis: 'h',
      criteria: ['c1', 'c2'],
      namespace: 'default',
      dir: '/home/ada/src/sub',
    });
  });
});

describe('spl task add --depends-on', () => {
  it('passes the tasks on, separated by commas or in repeated options', async () => {
    const answers = { 'task.add': { thread: THREAD, alias: 'A', record: RECORD, goal: 'g' } };
    const words = ['task', 'add', 'g', '--depends-on', 'A, B', '--depends-on', 'C'];
    const { host } = await run(words, { answers });
    assert.deepEqual(host.engine.asked[0]?.input['depends_on'], ['A', 'B', 'C']);
    assert.equal((await run(['task', 'add', 'g', '--depends-on', 'A,'], { answers })).code, 2);
  });
});

describe('spl task list, show, tree, cancel', () => {
  it('lists unfinished tasks, or all', async () => {
    const answers = { tasks: { tasks: [task()] } };
    const { out, host } = await run(['task', 'list'], { answers });
    assert.deepEqual(out.split('\n').slice(0, 2), [
      'ALIAS      STATUS  PRIORITY  SUBTASKS  GOAL',
      'FIRST-001  active  medium    1/2       Draft the notes',
    ]);
    assert.deepEqual(host.engine.asked[0]?.input, { all: false });
    const none = await run(['task', 'list', '--all'], { answers: { tasks: { tasks: [] } } });
    assert.match(none.out, /^no tasks\n/);
    assert.deepEqual(none.host.engine.asked[0]?.input, { all: true });
  });

  it('shows a task', async () => {
    const children = [
      { ...done(0), name: 'build', results: { tag: 'v1.2', pages: [1, 2] } },
      { ...done(1), results: { size: 7 } },
    ];
    const { out } = await run(['task', 'show', 'FIRST-001'], {
      answers: {
        task: task({ labels: ['a', 'b'] }),
        join: join(children),
        children: { ...join(children), total: 2 },
      },
    });
    assert.ok(out.endsWith('\nResults\n  build: tag=v1.2, pages=[1,2]\n  1: size=7\n'), out);
    assert.match(out, /^FIRST-001 · active\n/);
    assert.match(out, /Labels: +a, b\n/);
    assert.match(out, /Folder: +~\/src\n/);
    assert.match(out, /Fan-out: +1 of 2 done, join all: under way \(round 1\)/);
  });

  it('shows dependencies, dependants and the evaluation of a task', async () => {
    const related = { thread: THREAD, goal: 'g' };
    const shown = task({
      status: 'rejected',
      depends_on: [{ ...related, alias: 'API-1', status: 'approved' }],
      dependants: [{ ...related, alias: 'REL-1', status: 'blocked' }],
      evaluation: {
        hypothesis: 'it is the cache',
        criteria: ['p99 below 10 ms', 'no new warnings'],
        done: { by: ACTOR, at_unix: 1_750_000_000, summary: 'turned it off' },
        verdict: 'rejected',
        by: 'did:sync:user:grace',
        at_unix: 1_750_000_060,
        reason: 'p99 is 12 ms',
        join: null,
      },
    });
    const { out } = await run(['task', 'show', 'A'], { answers: { task: { ...shown, fan_out: null } } });
    assert.match(out, /Depends on: +API-1 \(approved\)\n +Needed by: +REL-1 \(blocked\)\n/);
    assert.deepEqual(out.slice(out.indexOf('Evaluation')).split('\n'), [
      'Evaluation',
      '  Hypothesis:   it is the cache',
      '  Criterion 1:  p99 below 10 ms',
      '  Criterion 2:  no new warnings',
      `  Done:         by ${ACTOR} at 2025-06-15 15:06:40Z`,
      '  Summary:      turned it off',
      '  Verdict:      rejected by did:sync:user:grace at 2025-06-15 15:07:40Z',
      '  Reason:       p99 is 12 ms',
      '',
    ]);
    const tree = await run(['task', 'tree', 'A'], { answers: { task: shown, join: join([]) } });
    assert.match(tree.out, /\n {2}← depends on API-1 \(approved\)\n {2}→ needed by REL-1 \(blocked\)\n/);
  });

  it('shows the tree of a fan-out, and a task without one', async () => {
    const children = [child(), { ...running(1), depends_on: [0] }];
    const { out } = await run(['task', 'tree', 'FIRST-001'], {
      answers: { task: task(), join: join(children) },
    });
    assert.deepEqual(out.split('\n').slice(0, 5), [
      'FIRST-001  Draft the notes  (active)',
      `├─ [0] Draft → specific:${WORKER_A_DID}`,
      '│      accept ($0.00, 1s)',
      `└─ [1] Part 1 → specific:${WORKER_A_DID}  after [0]`,
      '       in progress (worker-a, 3s)',
    ]);
    const named = await run(['task', 'tree', 'FIRST-001'], {
      answers: { task: task(), join: join([{ ...child(), name: 'lint' }, children[1]!]) },
    });
    assert.match(named.out, /  after lint\n/);
    const bare = await run(['task', 'tree', 'A'], { answers: { task: task({ fan_out: null }) } });
    assert.equal(bare.out, 'FIRST-001  Draft the notes  (active)\n');
  });

  it('cancels a task or a subtask', async () => {
    const answers = { 'task.cancel': task({ status: 'cancelled' }) };
    const { out, host } = await run(['task', 'cancel', 'A', '--subtask', '1', '--reason', 'why'], {
      answers,
    });
    assert.equal(out, '◇ cancellation of subtask 1 of FIRST-001 recorded\n  status: cancelled\n');
    assert.deepEqual(host.engine.asked[0]?.input, { task: 'A', subtask: '1', reason: 'why' });
  });

  it('prints the name of a subtask that was cancelled by index', async () => {
    const children = { thread: THREAD, alias: 'FIRST-001', round: 1, total: 1 };
    const answers = {
      'task.cancel': task({ status: 'cancelled' }),
      children: { ...children, children: [{ ...child(), index: 0, name: 'lint' }] },
    };
    const { out } = await run(['task', 'cancel', 'A', '--subtask', '0'], { answers });
    assert.match(out, /cancellation of 'lint' of FIRST-001 recorded/);
  });
});

describe('spl task start, done, fail, approve, reject, block, defer, reopen', () => {
  const said = async (...words: string[]) => {
    const name = `task.${words[0]}`;
    const answered = await run(['task', ...words], { answers: { [name]: task({ status: 'review' }) } });
    assert.deepEqual([answered.code, answered.err], [0, '']);
    return { ...answered, asked: answered.host.engine.asked[0] };
  };

  for (const verb of ['start', 'fail', 'approve', 'reject', 'reopen'] as const)
    it(`${verb} passes the task and the reason on`, async () => {
      const { asked } = await said(verb, 'A', '--reason', 'why');
      assert.deepEqual(asked, { name: `task.${verb}`, input: { task: 'A', reason: 'why' }, actor: ACTOR });
    });

  it('done passes the result on, and shows who reviews it', async () => {
    const { asked, out } = await said('done', 'A', '--summary', 'merged');
    assert.deepEqual(asked?.input, { task: 'A', summary: 'merged' });
    assert.deepEqual(out.split('\n').slice(0, 3), [
      '◇ completion of FIRST-001 recorded',
      '  status:  review',
      '  → somebody else reviews it: spl task approve FIRST-001',
    ]);
  });

  it('block passes the blocking task on', async () => {
    const { asked } = await said('block', 'A', '--on', 'B');
    assert.deepEqual(asked?.input, { task: 'A', reason: null, on: 'B' });
  });

  it('defer accepts only a duration or a date', async () => {
    const begun = Date.now() / 1000;
    const { asked } = await said('defer', 'A', '--until', '1d12h');
    const inSecs = (asked?.input['until_unix'] as number) - begun;
    assert.ok(inSecs >= 129_600 && inSecs < 129_700, String(inSecs));
    const dated = await said('defer', 'A', '--until', '2099-12-24T09:00Z');
    assert.equal(dated.asked?.input['until_unix'], Date.UTC(2099, 11, 24, 9) / 1000);
    assert.equal((await said('defer', 'A')).asked?.input['until_unix'], null);
    for (const wrong of [
      'soon',
      '2001-01-01',
      '2099-13-01',
      '2099-02-29',
      '2099-04-31T09:00',
      '2099-12-24T24:00',
      '0d',
      '',
    ]) {
      const { code, err } = await run(['task', 'defer', 'A', '--until', wrong]);
      assert.equal(code, 2, wrong);
      assert.match(err, /It must/);
    }
  });

  it('print the task’s document with --json', async () => {
    const { out } = await said('reopen', 'A', '--json');
    assert.deepEqual(JSON.parse(out), task({ status: 'review' }));
  });
});

describe('spl task fan-out', () => {
  const answers = { 'task.fan-out': fannedOut() };

  it('prints the tutorial’s lines and passes the subtasks on', async () => {
    const words = [
      'task',
      'fan-out',
      'A',
      '--subtask',
      'goal=a,timeout=5',
      '--subtask',
      '{"goal":"b","depends":[0]}',
    ];
    const { code, out, host } = await run(words, { answers });
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n'), [
      '◇ Fan-out parent INTEND created',
      `  thread:   ${THREAD}`,
      `  record:   ${RECORD}`,
      '  subtasks: 2',
      '  join:     all',
      '',
    ]);
    assert.deepEqual(host.engine.asked[0]?.input, {
      task: 'A',
      subtasks: [
        { goal: 'a', timeout_secs: 5 },
        { goal: 'b', depends_on: [0] },
      ],
      join: 'all',
      losers: 'drain',
      timeout_secs: null,
      budget_usd: null,
      budget_tokens: null,
      budget_secs: null,
      namespace: null,
      dir: null,
    });
  });

  it('passes --no-input on', async () => {
    const { host } = await run(['task', 'fan-out', 'A', '--subtask', 'goal=a', '--no-input'], { answers });
    assert.equal((host.engine.asked[0]?.input as { no_input?: boolean }).no_input, true);
  });

  it('passes the options of the join on', async () => {
    const words = [
      'task',
      'fan-out',
      'A',
      '--subtask',
      'goal=a,dir=x',
      '--join',
      'k_of_n:1',
      '--losers',
      'cancel',
    ];
    words.push(
      '--timeout',
      '60',
      '--budget',
      '1.5',
      '--budget-tokens',
      '10',
      '--budget-secs',
      '20',
      '--dir',
      'd',
    );
    const { host } = await run(words, { answers, cwd: '/w' });
    assert.deepEqual(host.engine.asked[0]?.input, {
      task: 'A',
      subtasks: [{ goal: 'a', dir: '/w/x' }],
      join: 'k_of_n:1',
      losers: 'cancel',
      timeout_secs: 60,
      budget_usd: 1.5,
      budget_tokens: 10,
      budget_secs: 20,
      namespace: null,
      dir: '/w/d',
    });
  });

  it('reads subtasks from standard input, skipping empty lines', async () => {
    const stdin = '{"goal":"größer"}\n\n{"goal":"b"}\ngoal=c';
    const { host } = await run(['task', 'fan-out', 'A', '--subtask', 'goal=a', '--subtasks', '-'], {
      answers,
      stdin,
    });
    const { subtasks } = host.engine.asked[0]!.input;
    assert.deepEqual(subtasks, [{ goal: 'a' }, { goal: 'größer' }, { goal: 'b' }, { goal: 'c' }]);
  });

  it('refuses subtasks that are not UTF-8, also if they end inside a character', async () => {
    for (const bytes of ['{"goal":"caf\xe9"}\n', 'goal=a\ngoal=caf\xc3']) {
      const stdin = Buffer.from(bytes, 'latin1');
      const { code, err, host } = await run(['task', 'fan-out', 'A', '--subtasks', '-'], { answers, stdin });
      assert.equal(code, 4);
      assert.match(err, /^error: the standard input is not UTF-8\n/);
      assert.deepEqual(host.engine.asked, []);
    }
  });

  it('names the subtask, the key and the position of a fault, and sends nothing', async () => {
    const cases = [
      [
        ['--subtask', 'goal=a', '--subtask', 'goal=b,timeout=no'],
        '',
        /^error: subtask 1, key 'timeout' at position 16: 'no' is not a number/,
      ],
      [['--subtask', 'goal'], '', /^error: subtask 0, at position 1: 'goal' is not of the form key=value/],
      [
        ['--subtasks', '-'],
        '{"goal":"a"}\n\n{"gaol":"b"}',
        /^error: subtask 1, key 'gaol' at line 3, position 2: unknown key 'gaol'/,
      ],
      [['--subtasks', '-'], '\n', /^error: a fan-out needs at least one subtask/],
      [[], '', /^error: a fan-out needs at least one subtask/],
    ] as const;
    for (const [words, stdin, message] of cases) {
      const { code, err, host } = await run(['task', 'fan-out', 'A', ...words], { answers, stdin });
      assert.equal(code, 4);
      assert.match(err, message);
      assert.deepEqual(host.engine.asked, []);
    }
  });

  it('gives the params of a plan their values, and refuses others', async () => {
    const folder = await mkdtemp(joinPath(tmpdir(), 'spl-params-'));
    const file = joinPath(folder, 'a.fanout.yaml');
    const text =
      'goal: g\nparams: { to: , n: 2 }\nsubtasks:\n  - goal: t\n    run: x ${{ params.to }} ${{ params.n }}\n';
    await writeFile(file, text);
    const given = (...words: readonly string[]) =>
      run(['task', 'fan-out', 'A', '--plan', file, ...words], {
        answers: { ...answers, fleet: fleet({ instances: [] }) },
      });
    const { host } = await given('--param', 'to=a=b');
    assert.deepEqual(host.engine.asked.at(-1)?.input['subtasks'], [
      {
        goal: 't',
        run: 'x "$SPL_PARAM_to" "$SPL_PARAM_n"',
        env: { SPL_PARAM_to: 'a=b', SPL_PARAM_n: '2' },
      },
    ]);
    assert.match((await given()).err, /a\.fanout\.yaml:2:11: error the param 'to' has no default/);
    assert.match((await given('--param', 'ot=a')).err, /:2:1: error no param 'ot' \(did you mean 'to'\?\)/);
    assert.match((await given('--param', 'to')).err, /--param 'to' is not of the form NAME=VALUE/);
    assert.match((await given('--param', 'to=1', '--param', 'to=2')).err, /--param to is given twice/);
    const { err } = await run(['task', 'fan-out', 'A', '--subtask', 'goal=a', '--param', 'to=1'], {
      answers,
    });
    assert.match(err, /--param needs a plan/);
    await rm(folder, { recursive: true });
  });

  it('exits with 3 for a missing file', async () => {
    const { code, err } = await run(['task', 'fan-out', 'A', '--subtasks', '/nowhere/x.ndjson'], { answers });
    assert.deepEqual([code, err], [3, "error: no file '/nowhere/x.ndjson'\n"]);
  });
});

describe('spl task retry', () => {
  it('prints the name of a subtask that was given by index', async () => {
    const joined = join([
      { ...child(), index: 0, name: 'lint' },
      { ...child(), index: 1, name: null },
    ]);
    const words = ['task', 'retry', 'A', '--subtask', '0', '--subtask', '1', '--subtask', 'li*'];
    const { out } = await run(words, { answers: { 'task.retry': joined } });
    assert.match(out, /Retry of 'lint', subtask 1, 'li\*' recorded/);
  });
});

describe('spl task output', () => {
  const info = { task: THREAD, subtask: 0, attempt: 1, worker: 'worker-a', running: false };
  const withOutput = async (words: readonly string[], chunks: readonly string[]) => {
    const { FakeHost } = await import('../testing/fake-host.ts');
    const { main } = await import('../program.ts');
    const reason = `exit 1: ${'long '.repeat(60)}`;
    const lint = child({ index: 0, name: 'lint', attempt: 1, verdict: 'failed', reason });
    const host = new FakeHost({ answers: { join: join([lint]) } });
    const asked: object[] = [];
    host.engine.output = ({ signal: _signal, ...request }) => {
      asked.push(request);
      return Promise.resolve({ info, chunks: bytes(chunks) });
    };
    const code = await main(['task', 'output', 'A', ...words], host);
    return { code, out: host.out.text, err: host.err.text, asked };
  };
  async function* bytes(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk, 'latin1'));
  }
  // A character of two bytes, split across two chunks.
  const split = ['a\xc3', '\xa4b\n'];

  it('prints the bytes unchanged', async () => {
    const { code, out, asked } = await withOutput(['--subtask', '0', '--attempt', '2'], ['one\n', 'two']);
    assert.deepEqual([code, out], [0, 'one\ntwo']);
    assert.deepEqual(asked, [{ task: 'A', subtask: '0', attempt: 2, follow: false }]);
  });

  it('reports an empty output, with the full reason of the end', async () => {
    const { code, out, err } = await withOutput(['--subtask', 'lint'], []);
    assert.deepEqual([code, out], [0, '']);
    assert.equal(err, `· 'lint', attempt 1 printed nothing: exit 1: ${'long '.repeat(60).trim()}\n`);
  });

  it('prints one document with --json, and chunks with --follow', async () => {
    const { out } = await withOutput(['--subtask', '0', '--json'], split);
    assert.deepEqual(JSON.parse(out), { ...info, output: 'aäb\n' });
    const followed = await withOutput(['--subtask', '0', '--json', '--follow'], split);
    const lines = followed.out
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as unknown);
    assert.deepEqual(lines, [info, { chunk: 'a' }, { chunk: 'äb\n' }]);
  });
});

describe('spl task speedup and run-serial', () => {
  it('asks for the speedup against the serial run', async () => {
    const words = ['task', 'speedup', 'A', '--vs-serial', 'th_serial'];
    const { out, host } = await run(words, { answers: { speedup: speedup() } });
    assert.match(out, /^Fan-out speedup report: th_1/);
    assert.deepEqual(host.engine.asked[0]?.input, { task: 'A', vsSerial: 'th_serial' });
  });

  it('shows the next command when the serial run is done', async () => {
    const answers = { 'task.run-serial': fannedOut({ thread: 'th_serial', alias: 'FIRST-001-serial' }) };
    const { out, host } = await run(['task', 'run-serial', 'A', '--worker', 'worker-b'], { answers });
    assert.match(
      out,
      / {2}alias: +FIRST-001-serial\n {2}→ when it is done: spl task speedup A --vs-serial th_serial\n$/,
    );
    assert.deepEqual(host.engine.asked[0]?.input, { task: 'A', worker: 'worker-b' });
  });
});

describe('spl thread, debug replay, query, status, serve', () => {
  const record = {
    id: RECORD,
    parents: [],
    thread: THREAD,
    actor: ACTOR,
    act: 'INTEND',
    body: { goal: 'x' },
    clock: 1,
    data_type: 'SCALAR',
    judged_by: null,
  };

  it('lists threads, and notes when there are more', async () => {
    const threads = {
      threads: [{ thread: THREAD, kind: 'task', title: 'x', records: 3, first_unix: 1, last_unix: 2 }],
      total: 9,
    };
    const { out, host } = await run(['thread', 'list', '--limit', '1', '--after', '4'], {
      answers: { threads },
    });
    assert.match(out, /1 of 9 threads; see --limit and --after\n$/);
    assert.deepEqual(host.engine.asked[0]?.input, { limit: 1, after: 4 });
  });

  it('shows a thread and its records', async () => {
    const state = {
      thread: THREAD,
      kind: 'task',
      title: 'x',
      status: 'active',
      records: 2,
      actors: [ACTOR],
      acts: { INTEND: 1, DO: 1 },
      first_unix: 1,
      last_unix: 2,
    };
    const shown = await run(['thread', 'show', 'A'], { answers: { 'thread.state': state } });
    assert.match(shown.out, /Records: +2 \(1 INTEND, 1 DO\)/);
    const answers = { 'thread.records': { thread: THREAD, records: [record] } };
    const listed = await run(['thread', 'records', 'A'], { answers });
    assert.match(
      listed.out,
      /^CLOCK {2}ACT {5}ACTOR +ID +BODY\n1 +INTEND +did:sync:user:ada +2{12} +\{"goal":"x"\}\n\n1 record\n$/,
    );
    const document = await run(['thread', 'records', 'A', '--json'], { answers });
    assert.deepEqual(JSON.parse(document.out), answers['thread.records']);
  });

  it('replays with an arrow at each change of status', async () => {
    const step = {
      clock: 1,
      act: 'INTEND',
      actor: ACTOR,
      status: 'inbox',
      changed: true,
      body: '{}',
      at_unix: 1,
    };
    const replay = {
      thread: THREAD,
      steps: [step, { ...step, clock: 2, act: 'DO', changed: false }],
      final_status: 'inbox',
      count: 2,
    };
    const { out } = await run(['debug', 'replay', 'A'], { answers: { replay } });
    assert.deepEqual(out.split('\n'), [
      'CLOCK  ACT     ACTOR              STATUS   BODY',
      `1      INTEND  ${ACTOR}  → inbox  {}`,
      `2      DO      ${ACTOR}    inbox  {}`,
      '',
      'final status: inbox · 2 records',
      '',
    ]);
  });

  it('prints rows and nulls, and notes when there are more', async () => {
    const query = {
      columns: ['act', 'n'],
      rows: [
        ['DO', 3],
        [null, 1],
      ],
      truncated: true,
    };
    const { out, host } = await run(['query', 'SELECT 1'], { answers: { query } });
    assert.equal(out, 'act   n\nDO    3\nNULL  1\n\n2 rows, and more: see --limit\n');
    assert.deepEqual(host.engine.asked[0]?.input, { sql: 'SELECT 1', limit: 1000 });
  });

  it('summarises running work', async () => {
    const answers = { health: health(), fleet: fleet(), tasks: { tasks: [task()] } };
    const { out } = await run(['status'], { answers });
    assert.match(out, /fleet: 3 live · 0 stale · 0 archived\ntasks: 1 unfinished task\n$/);
  });

  it('says that workers go on without their coordinator', async () => {
    const answers = { fleet: new FleetError('UNREACHABLE', 'nobody'), tasks: { tasks: [] } };
    const workers = [{ alias: 'worker-a', pid: 12 }];
    const workersOf = (): Promise<typeof workers> => Promise.resolve(workers);
    const left = await run(['status'], { answers, starter: { workersOf } });
    assert.deepEqual(
      [left.code, left.out],
      [
        5,
        'fleet: the coordinator is gone; 1 worker goes on: worker-a\n' +
          '  → to take up the fleet again: spl fleet start; to end it: spl fleet stop --all\n' +
          'tasks: 0 unfinished tasks\n',
      ],
    );
    const json = await run(['status', '--json'], { answers, starter: { workersOf } });
    assert.deepEqual(JSON.parse(json.out), { coordinator: null, fleet: null, workers, unfinished_tasks: 0 });
    assert.match(
      (await run(['status'], { answers })).out,
      /^fleet: not running; to start it: spl fleet start\n/,
    );
  });

  it('serves in the foreground, in the background, and stops', async () => {
    const served: object[] = [];
    const serve = (options: object) => Promise.resolve(served.push(options) * 7);
    const foreground = await run(['serve', '--port', '9300', '--echo', '--home', '/h'], {
      starter: { serve },
    });
    assert.equal(foreground.code, 7);
    assert.deepEqual(served, [{ home: '/h', port: 9300, echo: true, foreground: true, lingerSecs: null }]);

    const background = await run(['serve', '--daemon'], { answers: { health: health() } });
    assert.equal(background.out, '✓ coordinator started: PID 11 on :9100\n');

    const stopping = { health: health(), 'fleet.stop': { stopped: [], coordinator_stopping: true } };
    const stopped = await run(['serve', '--stop'], { answers: stopping });
    assert.equal(stopped.out, '✓ coordinator stopped\n');
    assert.deepEqual(stopped.host.engine.asked.at(-1)?.input, {
      scope: 'all',
      instance: 'coordinator',
      grace_secs: 10,
    });

    const both = await run(['serve', '--stop', '--status']);
    assert.equal(both.code, 2);
  });

  it('stands by, for the given time after the last fan-out', async () => {
    const asked: object[] = [];
    const starter = { standBy: (options: object) => Promise.resolve(asked.push(options) * 7) };
    const { code } = await run(['serve', '--standby', '--home', '/h'], { starter });
    assert.equal(code, 7);
    await run(['serve', '--standby', '--linger', '0.5', '--home', '/h'], { starter });
    assert.deepEqual(asked, [
      { home: '/h', lingerSecs: 10 },
      { home: '/h', lingerSecs: 0.5 },
    ]);
    for (const words of [
      ['serve', '--standby', '--daemon'],
      ['serve', '--standby', '--port', '1'],
      ['serve', '--standby', '--echo'],
      ['serve', '--stop', '--linger', '3'],
    ])
      assert.equal((await run(words, { starter })).code, 2, words.join(' '));
    assert.equal(asked.length, 2);
  });
});

describe('spl doctor', () => {
  const check = (level: 'PASS' | 'WARN' | 'FAIL', hint?: string) => ({
    name: level.toLowerCase(),
    run: () => Promise.resolve({ level, detail: 'as it is', ...(hint !== undefined && { hint }) }),
  });
  const broken = {
    name: 'broken',
    run: () => Promise.reject(new FleetError('LOG_DAMAGED', 'at 12', { hint: 'restore' })),
  };
  const acceptLoss = (home: string) => Promise.resolve(`3 records of ${home} given up`);

  it('exits with 0, 1 or 2 by the worst finding', async () => {
    for (const [checks, code] of [
      [[], 0],
      [[check('PASS')], 0],
      [[check('WARN'), check('PASS')], 1],
      [[check('FAIL'), check('WARN')], 2],
      [[broken], 2],
    ] as const) {
      assert.equal((await run(['doctor'], { doctor: { checks, acceptLoss } })).code, code);
    }
  });

  it('prints each check and its hint', async () => {
    const { out } = await run(['doctor', '--accept-loss', '--home', '/h'], {
      doctor: { checks: [check('PASS'), check('WARN', 'do this'), broken], acceptLoss },
    });
    assert.equal(
      out,
      '⚠ 3 records of /h given up\nPASS  pass    as it is\nWARN  warn    as it is\n      → do this\n' +
        'FAIL  broken  at 12\n      → restore\n\n1 PASS · 1 WARN · 1 FAIL\n',
    );
  });
});

describe('spl namespace', () => {
  const active = { status: 'active', own_status: 'active', archived_by: null } as const;
  const acme = { id: 'acme', ...active, level: 'ORG', depth: 1, description: 'all of Acme' };
  const root = { id: 'default', ...active, level: 'DEFAULT', depth: 0, description: null };
  const web = { ...acme, id: 'acme/web', status: 'archived', archived_by: 'acme' };

  it('creates one, which is active', async () => {
    const { code, out, host } = await run(['namespace', 'create', 'acme', '--description', 'd'], {
      answers: { 'namespace.create': acme },
    });
    assert.deepEqual([code, out], [0, "✓ namespace 'acme' → active\n"]);
    assert.deepEqual(host.engine.asked, [
      { name: 'namespace.create', input: { id: 'acme', description: 'd' }, actor: ACTOR },
    ]);
  });

  it('lists them in columns, with their number below', async () => {
    const { out } = await run(['namespace', 'list'], {
      answers: { namespaces: { namespaces: [root, acme], explicit: 1 } },
    });
    assert.deepEqual(
      out.split('\n').map(line => line.trimEnd()),
      [
        'ID       STATUS  LEVEL    DESCRIPTION',
        'default  active  DEFAULT',
        'acme     active  ORG      all of Acme',
        '',
        '1 explicit + 1 implicit (default)',
        '',
      ],
    );
  });

  it('passes on a policy from a file', async () => {
    const folder = await mkdtemp(joinPath(tmpdir(), 'spl-policy-'));
    try {
      await writeFile(joinPath(folder, 'web.toml'), '[limits]\nmax_parallel = 2\n');
      await writeFile(joinPath(folder, 'bad.toml'), '[limits]\nmax_parallel = "two"\n');
      const create = (file: string) =>
        run(['namespace', 'create', 'acme', '--policy', file], {
          cwd: folder,
          answers: { 'namespace.create': acme },
        });
      const { host } = await create('web.toml');
      assert.deepEqual(host.engine.asked, [
        {
          name: 'namespace.create',
          input: { id: 'acme', description: null, policy: { limits: { max_parallel: 2 } } },
          actor: ACTOR,
        },
      ]);
      const bad = await create('bad.toml');
      assert.deepEqual([bad.code, bad.host.engine.asked], [4, []]);
      assert.match(bad.err, /policy 'bad\.toml': limits\.max_parallel must be a number/);
      const missing = await create('none.toml');
      assert.deepEqual([missing.code, missing.host.engine.asked], [3, []]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('prints the effective policy, with the source of each part', async () => {
    const { out } = await run(['namespace', 'resolve', 'acme/web'], {
      answers: {
        'namespace.effective': {
          namespace: 'acme/web',
          status: 'archived',
          archived_by: 'acme',
          allow: {
            acts: null,
            executors: { names: ['echo', 'shell'], set_by: ['acme', 'acme/web'] },
            targets: { names: [], set_by: ['acme'] },
          },
          deny: { acts: [], executors: [], targets: [{ name: 'worker-b', set_by: 'acme' }] },
          limits: {
            max_children: { value: 1, set_by: 'acme/web' },
            max_parallel: null,
            budget_usd: { value: 2.5, set_by: 'acme' },
            timeout_secs: { value: 90, set_by: 'acme' },
          },
          usage: [{ namespace: 'acme', running: 2, booked_usd: 1, reserved_usd: 0.25 }],
        },
      },
    });
    assert.equal(
      out,
      [
        'Effective policy of acme/web',
        "  'acme' is archived: new work is refused, and nothing starts",
        '  acts:            any',
        '  executors:       echo, shell  (acme and acme/web)',
        '  targets:         none  (acme)',
        '  max_children:    1 subtask of a fan-out  (acme/web)',
        '  max_parallel:    any',
        '  budget_usd:      $2.50 for all that ever runs  (acme)',
        '  timeout_secs:    90s for a subtask  (acme)',
        '  denied targets:  worker-b  (acme)',
        '',
        'Usage, with everything below:',
        '  acme: 2 running, $1.00 booked, $0.25 reserved',
        '',
      ].join('\n'),
    );
  });

  it('lists deleted ones only on request', async () => {
    const gone = { ...acme, status: 'archived', own_status: 'deleted', archived_by: 'acme' };
    const { out, host } = await run(['namespace', 'list', '--all'], {
      answers: { namespaces: { namespaces: [root, gone], explicit: 1 } },
    });
    assert.match(out, /^acme +deleted +ORG/m);
    assert.deepEqual(host.engine.asked, [{ name: 'namespaces', input: { all: true } }]);
  });

  for (const verb of ['archive', 'delete'] as const)
    it(`accepts ${verb}, and prints the new status`, async () => {
      const { code, out, host } = await run(['namespace', verb, 'acme/web'], {
        answers: { [`namespace.${verb}`]: web },
      });
      assert.deepEqual([code, out.split('\n')[0]], [0, "✓ namespace 'acme/web' → archived"]);
      assert.deepEqual(host.engine.asked, [
        { name: `namespace.${verb}`, input: { namespace: 'acme/web' }, actor: ACTOR },
      ]);
    });

  it('shows that an active one is closed by one above it', async () => {
    const chain = [
      { id: 'acme/web', active: true },
      { id: 'acme', active: false },
      { id: 'default', active: true },
    ];
    const { out } = await run(['namespace', 'show', 'acme/web'], {
      answers: { namespace: { ...web, chain } },
    });
    assert.match(out, /^ {2}Status: +archived with 'acme'; active itself$/m);
    assert.match(out, / {2}✓ acme\/web\n {2}✗ acme\n/);
  });

  it('shows one with its chain, the root last', async () => {
    const chain = [
      { id: 'acme', active: false },
      { id: 'default', active: true },
    ];
    const { out } = await run(['namespace', 'show', 'acme'], {
      answers: { namespace: { ...acme, chain, policy: null } },
    });
    assert.match(out, /^acme\n {2}Status: +active\n {2}Level: +ORG\n {2}Depth: +1\n/);
    assert.match(out, /Ancestor chain:\n {2}✗ acme\n {2}✓ default\n$/);
  });
});

describe('spl namespace use', () => {
  const active = { status: 'active', own_status: 'active', archived_by: null } as const;
  const web = {
    id: 'acme/web',
    ...active,
    level: 'PROJECT',
    depth: 2,
    description: null,
    chain: [],
    policy: null,
  };
  const added = { thread: THREAD, alias: 'A', record: RECORD, goal: 'g' };
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(joinPath(tmpdir(), 'spl-use-'));
    await writeFile(joinPath(home, 'home.json'), '{}');
  });
  afterEach(() => rm(home, { recursive: true }));

  const type = (
    words: readonly string[],
    answers: FakeOptions['answers'] = {},
    env: NodeJS.ProcessEnv = {},
  ) => run([...words, '--home', home], { answers: { namespace: web, 'task.add': added, ...answers }, env });
  const use = (id: string) => type(['namespace', 'use', id]);

  it('sets the namespace of commands that name none, until default is set', async () => {
    const taken = async (...more: string[]) =>
      (await type(['task', 'add', 'g', ...more])).host.engine.asked[0]?.input['namespace'];
    assert.equal(await taken(), null);
    const { code, out } = await use('acme/web');
    assert.deepEqual([code, out], [0, "✓ namespace 'acme/web' is used by commands that name none\n"]);
    assert.equal(await taken(), 'acme/web');
    assert.equal(await taken('--namespace', 'default'), 'default');
    assert.equal((await use('default')).code, 0);
    assert.equal(await taken(), null);
  });

  it('is overridden by SPL_NAMESPACE, with a note, and that by --namespace', async () => {
    const env = { SPL_NAMESPACE: 'acme/api' };
    const typed = (words: readonly string[], answers: FakeOptions['answers'] = {}) =>
      type(words, answers, env);
    const { code, out } = await typed(['namespace', 'use', 'acme/web']);
    assert.equal(code, 0);
    assert.match(
      out,
      /✓ namespace 'acme\/web' is used by commands that name none\n⚠ .*SPL_NAMESPACE.*'acme\/api'/,
    );
    const json = await typed(['namespace', 'use', 'acme/web', '--json']);
    assert.deepEqual(JSON.parse(json.out), { namespace: 'acme/web', overridden_by: 'acme/api' });
    const taken = async (...more: string[]) =>
      (await typed(['task', 'add', 'g', ...more])).host.engine.asked[0]?.input['namespace'];
    assert.equal(await taken(), 'acme/api');
    assert.equal(await taken('--namespace', 'default'), 'default');
    const refusal = new FleetError('NAMESPACE_REJECTED', "'acme' is archived");
    const { err } = await typed(['task', 'add', 'g'], { 'task.add': refusal });
    assert.match(err, /'acme\/api' comes from SPL_NAMESPACE/);
  });

  it('refuses an invalid SPL_NAMESPACE, and ignores an empty one', async () => {
    await use('acme/web');
    const add = (id: string) => type(['task', 'add', 'g'], {}, { SPL_NAMESPACE: id });
    assert.equal((await add('')).host.engine.asked[0]?.input['namespace'], 'acme/web');
    for (const id of ['Acme', 'a/b/c/d/e', 'default/a', '../x', 'x'.repeat(300)]) {
      const { code, err, host } = await add(id);
      assert.equal(code, 2, id);
      assert.match(err, /SPL_NAMESPACE is not a namespace: '/);
      assert.deepEqual(host.engine.asked, []);
    }
  });

  it('is shown by show', async () => {
    const shown = async () => (await type(['namespace', 'show'])).host.engine.asked[0]?.input;
    assert.deepEqual(await shown(), { namespace: 'default' });
    await use('acme/web');
    assert.deepEqual(await shown(), { namespace: 'acme/web' });
  });

  it('applies to a fan-out if it is within the namespace of the task', async () => {
    await use('acme/web');
    const taken = async (namespace: string, ...more: string[]) => {
      const answers = { task: task({ namespace }), 'task.fan-out': fannedOut };
      const { host } = await type(['task', 'fan-out', 'A', '--subtask', 'goal=g', ...more], answers);
      return host.engine.asked.find(({ name }) => name === 'task.fan-out')?.input['namespace'];
    };
    assert.deepEqual(await Promise.all(['default', 'acme', 'acme/web', 'acme/api'].map(id => taken(id))), [
      ...['acme/web', 'acme/web', 'acme/web', null],
    ]);
    assert.equal(await taken('acme', '--namespace', 'acme'), 'acme');
  });

  it('applies to records that are written by hand', async () => {
    await use('acme/web');
    const answers = { records: { records: [], next: null }, 'records.append': { stored: [{ id: RECORD }] } };
    const { host } = await type(['know', 'well', '--thread', 'th_a'], answers);
    const { records } = host.engine.asked.at(-1)!.input as { records: { body: unknown }[] };
    assert.deepEqual(records[0]?.body, { text: 'well', namespace: 'acme/web' });
  });

  it('names the origin of the namespace in a refusal', async () => {
    await use('acme/web');
    const refusal = new FleetError('NAMESPACE_REJECTED', "'acme' is archived", { hint: 'Revive it.' });
    const { code, err } = await type(['task', 'add', 'g'], { 'task.add': refusal });
    assert.equal(code, 4);
    assert.match(
      err,
      /Revive it\.(.|\n)*'acme\/web' is the namespace in use of this home.*spl namespace use default/,
    );
    const named = await type(['task', 'add', 'g', '--namespace', 'acme/web'], { 'task.add': refusal });
    assert.doesNotMatch(named.err, /in use/);
  });

  it('refuses one that is not active', async () => {
    const closed = { ...web, status: 'archived', archived_by: 'acme' };
    const { code, err } = await type(['namespace', 'use', 'acme/web'], { namespace: closed });
    assert.equal(code, 4);
    assert.match(err, /namespace 'acme\/web' is rejected: 'acme' is archived/);
    assert.deepEqual((await type(['namespace', 'show'])).host.engine.asked[0]?.input, {
      namespace: 'default',
    });
  });

  it('needs a home, and reports an invalid file', async () => {
    await rm(joinPath(home, 'home.json'));
    const { code, err } = await use('acme/web');
    assert.equal(code, 3);
    assert.match(err, /there is no home at/);
    await writeFile(joinPath(home, 'namespace'), 'two words');
    assert.match((await type(['task', 'add', 'g'])).err, /does not hold the id of a namespace/);
  });
});

describe('spl kill and unkill', () => {
  const done = { record: RECORD, namespace: 'acme', level: null, freezes: [], emergency: null };

  for (const [words, answer, input, said] of [
    [
      ['kill', '--namespace', 'acme', '--reason', 'r'],
      { ...done, topic: 'freeze', level: 'soft' },
      { namespace: 'acme', emergency: false, level: null, grace_secs: null, reason: 'r' },
      "✓ soft freeze of 'acme' recorded",
    ],
    [
      ['kill', '--namespace', 'acme', '--level', 'hard', '--grace', '0.5'],
      { ...done, topic: 'freeze', level: 'hard' },
      { namespace: 'acme', emergency: false, level: 'hard', grace_secs: 0.5, reason: null },
      "✓ hard freeze of 'acme' recorded",
    ],
    [
      ['kill', '--emergency'],
      { ...done, topic: 'emergency_stop', namespace: null },
      { namespace: null, emergency: true, level: null, grace_secs: null, reason: null },
      '✓ emergency stop recorded',
    ],
    [
      ['unkill', '--namespace', 'acme'],
      { ...done, topic: 'unfreeze' },
      { namespace: 'acme', emergency: false },
      "✓ unfreeze of 'acme' recorded",
    ],
    [
      ['unkill', '--emergency'],
      { ...done, topic: 'emergency_clear', namespace: null },
      { namespace: null, emergency: true },
      '✓ end of the emergency stop recorded',
    ],
  ] as const)
    it(`passes on: ${words.join(' ')}`, async () => {
      const { code, out, host } = await run(words, { answers: { [words[0]]: answer } });
      assert.deepEqual([code, out], [0, `${said}\n`]);
      assert.deepEqual(host.engine.asked, [{ name: words[0], input, actor: ACTOR }]);
    });

  it('refuses another level and an invalid grace', async () => {
    assert.equal((await run(['kill', '--namespace', 'acme', '--level', 'cold'])).code, 2);
    assert.equal((await run(['kill', '--namespace', 'acme', '--grace', '-1'])).code, 2);
  });
});

describe('spl intend, do, know and learn', () => {
  const written = { stored: [{ object: 'record', id: RECORD, existed: false }] };

  it('write with the author’s next clock, found page by page, and print it', async () => {
    const pages = [
      { records: [{ clock: 4 }, { clock: 9 }], next: 17 },
      { records: [{ clock: 7 }], next: null },
    ];
    const { code, out, host } = await run(
      ['know', 'p99 is 8 ms', '--thread', 'th_x', '--body', '{"ms":8}', '--namespace', 'acme'],
      { answers: { records: () => pages.shift()!, 'records.append': written } },
    );
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n'), ['✓ KNOW written on th_x', `  record ${RECORD}`, '']);
    const filter = { thread: 'th_x', actor: ACTOR, limit: 10_000 };
    const record = {
      ...{ act: 'KNOW', actor: ACTOR, thread: 'th_x', clock: 10, data_type: 'SCALAR' },
      body: { text: 'p99 is 8 ms', namespace: 'acme', ms: 8 },
    };
    assert.deepEqual(
      host.engine.asked.map(({ input }) => input),
      [filter, { ...filter, after: 17 }, { records: [record] }],
    );
  });

  it('retry with another clock if it was taken, a limited number of times', async () => {
    let left = 3;
    const taken = new FleetError('CONFLICT', 'taken');
    const answers = {
      records: { records: [], next: null },
      'records.append': () => (left-- > 0 ? Promise.reject(taken) : Promise.resolve(written)),
    };
    assert.equal((await run(['do', 'it', '--thread', 'th_x'], { answers })).code, 0);
    const always = { ...answers, 'records.append': taken };
    const { code, host } = await run(['do', 'it', '--thread', 'th_x'], { answers: always });
    assert.equal(code, 4);
    assert.equal(host.engine.asked.filter(({ name }) => name === 'records.append').length, 10);
  });

  it('treat an equal record of another writer as the other’s', async () => {
    const answers = {
      records: { records: [], next: null },
      'records.append': () => ({ stored: [{ ...written.stored[0], existed: (existing -= 1) >= 0 }] }),
    };
    let existing = 2;
    const { code, host } = await run(['do', 'it', '--thread', 'th_x'], { answers });
    assert.equal(code, 0);
    assert.equal(host.engine.asked.filter(({ name }) => name === 'records.append').length, 3);
  });

  it('refuse a body that is not an object, or repeats an option', async () => {
    for (const [body, message] of [
      ['{', /not JSON/],
      ['[1]', /not a JSON object/],
      ['null', /not a JSON object/],
      ['{"text":"other"}', /has the member 'text'/],
    ] as const) {
      const { code, err, host } = await run(['learn', 'x', '--thread', 'th_x', '--body', body]);
      assert.equal(code, 2, body);
      assert.match(err, message);
      assert.deepEqual(host.engine.asked, [], 'nothing is written');
    }
  });
});

describe('spl expr check', () => {
  it('reports a valid expression, and the number of subtasks', async () => {
    const { code, out } = await run(['expr', 'check', 'all', '--subtasks', '3']);
    assert.deepEqual([code, out], [0, '✓ valid for a fan-out of 3 subtasks\n']);
  });

  it('marks the faulty part', async () => {
    const { code, err } = await run(['expr', 'check', 'abcde']);
    assert.deepEqual([code, err], [4, "error: 'abcde' is not known\n  → Here: a»bc«de\n"]);
  });
});

describe('spl audit export', () => {
  it('prints one document per line, page by page', async () => {
    const entry = (position: number) => ({ position, at_unix: 1, record: { id: RECORD }, signature: null });
    const pages = [
      { entries: [entry(3), entry(5)], next: 5 },
      { entries: [entry(8)], next: null },
    ];
    const { code, out, host } = await run(['audit', 'export', '--actor', ACTOR], {
      answers: { audit: () => pages.shift()! },
    });
    assert.equal(code, 0);
    const lines = out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map(line => (JSON.parse(line) as { position: number }).position),
      [3, 5, 8],
    );
    assert.deepEqual(host.engine.asked[1]?.input, { limit: 1000, actor: ACTOR, after: 5 });
  });

  it('accepts only a past duration or a date', async () => {
    const answers = { audit: { entries: [], next: null } };
    const { host } = await run(['audit', 'export', '--since', '2h'], { answers });
    const { since } = host.engine.asked[0]!.input as { since: number };
    assert.ok(Math.abs(Date.now() / 1000 - 7_200 - since) < 60);
    assert.equal((await run(['audit', 'export', '--since', 'yesterday'], { answers })).code, 2);
  });
});
