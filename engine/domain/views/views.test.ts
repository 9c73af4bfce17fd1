import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { childrenSchema, fleetSchema, joinStatusSchema, taskSchema } from '../../contract/documents.ts';
import * as commands from '../commands/fan-out.ts';
import type { ThreadId } from '../../record/ids.ts';
import type { FanOut } from '../model/state.ts';
import { SELF, TestFleet, USER, workerDid } from '../testing/test-fleet.ts';
import { celCompiler } from '../join/cel.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import {
  childrenDocument,
  fleetDocument,
  joinDocument,
  resolveInstance,
  runFacts,
  taskDocument,
} from './views.ts';

const facts = {
  did: SELF,
  startedAt: 0,
  storeRecords: 7,
  activeDispatches: 1,
  heartbeatMs: 1000,
  url: 'http://x',
  executors: ['echo', 'agent:x'],
  defaultExecutor: 'echo',
};

const joinOf = (fleet: TestFleet, { task }: FanOut, summary = false) =>
  v.parse(joinStatusSchema, joinDocument(fleet.core, task, summary, fleet.now));

/** Returns the reason in a child's document: what it waits for, or why it ended. */
const reasonOf = (fleet: TestFleet, fanOut: FanOut, index: number): string | null =>
  joinOf(fleet, fanOut).children[index]!.reason;

describe('the document of a join', () => {
  it('shows that a task has no fan-out', () => {
    const fleet = new TestFleet();
    const document = v.parse(joinStatusSchema, joinDocument(fleet.core, fleet.addTask(), false, 0));
    assert.deepEqual(
      [document.subtasks, document.complete, document.reason],
      [0, false, 'the task has no fan-out'],
    );
  });

  it('names the subtasks for which nothing was run, also after a restart and from a checkpoint', () => {
    const fleet = new TestFleet(3);
    const fanOut = fleet.fanOut([{}, { goal: 'npm test' }, { run: 'true' }]);
    assert.equal(joinOf(fleet, fanOut).echo, null);
    fleet.report(fanOut, 0, {});
    assert.equal(joinOf(fleet, fanOut).echo, 'echo: nothing was run for 1 of 3 subtasks');
    fleet.report(fanOut, 1, {});
    fleet.report(fanOut, 2, {});
    const said =
      'echo: nothing was run for 2 of 3 subtasks; ' +
      `'npm test' looks like a command: to run it, name run="npm test"`;
    assert.equal(runFacts(fleet.core.state, fanOut.task).echo, said);
    const bytes = saveState(fleet.core.state, celCompiler);
    for (const state of [fleet.core.state, fleet.replayed(), restoreState(bytes, celCompiler)!]) {
      const task = state.tasks.get(fanOut.task.thread)!;
      assert.equal(taskDocument(state, task, fleet.now).fan_out?.echo, said);
    }
  });

  it('omits an echo that was not accepted', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}]);
    fleet.report(fanOut, 0, { verdict: 'failed' });
    assert.equal(joinOf(fleet, fanOut).echo, null);
  });

  it('shows the state of each child', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut([{ name: 'one' }, {}, { depends_on: [0] }], { join: 'k_of_n:2' });
    fleet.started(fanOut, 1);
    fleet.now += 1500;
    fleet.report(fanOut, 0, { cost_usd: 0.25, wall_time_secs: 1.25, exit_code: 0, summary: 'ok' });
    const document = joinOf(fleet, fanOut);
    assert.deepEqual([document.spawned, document.completed, document.complete], [3, 1, false]);
    assert.equal(document.reason, '1 of 3 accepted, needs 1 more of 2 running');
    const [done, running] = document.children;
    assert.deepEqual(
      [
        done!.name,
        done!.state,
        done!.verdict,
        done!.cost_usd,
        done!.wall_time_secs,
        done!.worker,
        done!.summary,
      ],
      ['one', 'done', 'accept', 0.25, 1.25, 'worker-0', 'ok'],
    );
    assert.deepEqual([running!.state, running!.verdict, running!.wall_time_secs], ['running', null, 1.5]);
    assert.equal(joinOf(fleet, fanOut, true).children.length, 0);
  });

  it('shows the census of the join and the present counts', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(2, { join: 'any' });
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1, { verdict: 'failed' });
    const { census, counts, outcome, children } = joinOf(fleet, fanOut);
    assert.deepEqual([outcome, census!.running, census!.failed], ['satisfied', 1, 0]);
    assert.deepEqual([counts.running, counts.failed], [0, 1]);
    assert.deepEqual(
      children.map(({ after_join: after }) => after),
      [false, true],
    );
  });

  it('lists earlier attempts', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(1);
    fleet.do(now => fleet.core.abandon(workerDid(0), 'it was killed', now));
    assert.deepEqual(joinOf(fleet, fanOut).children[0]!.earlier_attempts, [
      {
        attempt: 1,
        worker: 'worker-0',
        verdict: 'failed',
        reason: 'worker lost: it was killed',
        cost_usd: 0,
        cost_unknown: false,
        lost: true,
        tokens: 0,
        wall_time_secs: 0,
        started_unix: null,
        ended_unix: fleet.now / 1000,
        work: null,
      },
    ]);
  });

  it('says when the round opened and joined, and when each attempt began and ended', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut([{ attempts: 2 }, {}, { depends_on: [0] }]);
    const opened = fleet.now;
    fleet.started(fanOut, 1);
    const started = fleet.now;
    fleet.now += 4000;
    fleet.report(fanOut, 0, { verdict: 'failed', wall_time_secs: 3.5 });
    const failed = fleet.now;
    const { opened_unix, joined_unix, children } = joinOf(fleet, fanOut);
    assert.deepEqual([opened_unix, joined_unix], [opened / 1000, null]);
    const spans = children.map(({ started_unix: begun, ended_unix: over }) => [begun, over]);
    assert.deepEqual(spans, [
      [null, null],
      [started / 1000, null],
      [null, null],
    ]);
    const [earlier] = children[0]!.earlier_attempts;
    assert.deepEqual(
      [earlier!.started_unix, earlier!.ended_unix],
      [failed / 1000 - 3.5, failed / 1000],
      'it ended when its report was written, and began its wall time before',
    );
    fleet.now += 2000;
    fleet.report(fanOut, 1, { wall_time_secs: 5 });
    const done = joinOf(fleet, fanOut).children[1]!;
    assert.deepEqual([done.started_unix, done.ended_unix], [fleet.now / 1000 - 5, fleet.now / 1000]);
    fleet.cancel(fanOut.task);
    const cancelled = joinOf(fleet, fanOut);
    const [, , neverRan] = cancelled.children;
    assert.deepEqual([neverRan!.started_unix, neverRan!.ended_unix], [null, fleet.now / 1000]);
    assert.equal(cancelled.joined_unix, fleet.now / 1000);
  });
});

describe('the document of children', () => {
  const some = (
    fleet: TestFleet,
    task: FanOut['task'],
    asked: { offset?: number; limit?: number; indices?: number[] },
  ) =>
    v.parse(childrenSchema, childrenDocument(fleet.core, task, { offset: 0, limit: 2, ...asked }, fleet.now));
  const indicesOf = ({ children }: { children: { index: number }[] }) => children.map(({ index }) => index);

  it('is a page, or the requested children, as in the join status', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(5);
    const all = joinOf(fleet, fanOut).children;
    for (const [asked, expected] of [
      [{}, [0, 1]],
      [{ offset: 3, limit: 500 }, [3, 4]],
      [{ offset: 5 }, []],
      [{ offset: 2 ** 40 }, []],
      [{ indices: [4, 0, 4] }, [4, 0, 4]],
      [{ indices: [] }, []],
    ] as const) {
      const document = some(fleet, fanOut.task, { ...asked } as never);
      assert.deepEqual(indicesOf(document), expected);
      assert.deepEqual([document.total, document.round, document.alias], [5, 1, fanOut.task.alias]);
      for (const each of document.children) assert.deepEqual(each, all[each.index]);
    }
  });

  it('refuses too large pages, and unknown indices', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(2);
    for (const asked of [
      { limit: 0 },
      { limit: 501 },
      { limit: 1.5 },
      { offset: -1 },
      { offset: NaN },
      { indices: Array<number>(501).fill(0) },
    ])
      assert.throws(() => some(fleet, task, asked), { code: 'USAGE' }, JSON.stringify(asked));
    for (const index of [2, -1, 0.5, NaN])
      assert.throws(() => some(fleet, task, { indices: [index] }), { code: 'NOT_FOUND' }, String(index));
  });

  it('is empty for a task without a fan-out', () => {
    const fleet = new TestFleet(1);
    const { total, round, children } = some(fleet, fleet.addTask(), {});
    assert.deepEqual([total, round, children], [0, 0, []]);
  });
});

describe('what a child waits for', () => {
  it('is a free slot', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, {}, { target: 'worker-0' }]);
    assert.equal(reasonOf(fleet, fanOut, 0), 'handed to worker-0');
    assert.equal(reasonOf(fleet, fanOut, 1), 'waiting for a free slot');
    assert.equal(reasonOf(fleet, fanOut, 2), 'waiting for a free slot on worker-0');
  });

  it('is another subtask', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, {}, { depends_on: [0, 1] }]);
    fleet.report(fanOut, 0);
    assert.equal(reasonOf(fleet, fanOut, 2), 'waiting for subtask 1');
  });

  it('is a worker: any, or the one that its target names', () => {
    const fleet = new TestFleet(1);
    fleet.do(now => fleet.core.gone(workerDid(0), 'it died', now));
    const fanOut = fleet.fanOut([{}, { target: 'worker-0' }]);
    assert.equal(reasonOf(fleet, fanOut, 0), 'no worker is live');
    assert.match(
      reasonOf(fleet, fanOut, 1)!,
      /^waiting for worker-0, which is archived; its target names only this/,
    );
  });

  it('is the reconnection of its worker', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.do(now => fleet.core.gone(workerDid(0), 'it died', now));
    assert.equal(reasonOf(fleet, fanOut, 0), 'worker-0 is archived; waiting for it to come back');
  });

  it('is the end of a back-off', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ attempts: 2 }]);
    fleet.report(fanOut, 0, { verdict: 'timeout' });
    assert.equal(reasonOf(fleet, fanOut, 0), 'attempt 1 ended as timeout; waits 1s before attempt 2');
  });

  it('is its turn, in a serial run', () => {
    const fleet = new TestFleet(1, 4);
    const { task } = fleet.fanOut(2, { join: 'any' });
    const thread = 'th_serial' as ThreadId;
    fleet.do(now =>
      commands.runSerial(fleet.core, 'T-1', { worker: null }, thread, { actor: USER, key: undefined, now }),
    );
    const serialTask = fleet.core.state.tasks.get(thread)!;
    const serial = serialTask.fanOut!;
    assert.equal(fleet.documentOf(serialTask).fan_out?.serial_of, task.thread);
    assert.equal(
      reasonOf(fleet, serial, 1),
      'waiting for its turn: a serial run has one subtask out at a time',
    );
  });
});

describe('the document of a task', () => {
  it('has the request and the state of its fan-out', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(2, { losers: 'drain' });
    const document = v.parse(taskSchema, fleet.documentOf(task));
    assert.deepEqual([document.status, document.actor, document.created_unix], ['active', USER, 1000]);
    assert.deepEqual(document.fan_out, {
      record: task.fanOut!.id,
      namespace: 'default',
      round: 1,
      subtasks: 2,
      follow_ups: 0,
      completed: 0,
      predicate: 'all',
      complete: false,
      under_way: true,
      outcome: null,
      losers: 'drain',
      serial: false,
      serial_of: null,
      counts: { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 1, pending: 1 },
      progress: '0 of 2 accepted, needs 2 more of 1 running, 1 pending',
      budget: null,
      echo: null,
      needs_you: [],
      opened_unix: 1000,
      joined_unix: null,
    });
  });
});

describe('a stalled attempt', () => {
  it('is shown with the length of its silence, until it shows a sign of life or ends', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    const { worker } = fanOut.children[0]!;
    const told = () => joinDocument(fleet.core, fanOut.task, false, fleet.now).children[0]!.stalled_secs;
    const ref = { thread: fanOut.task.thread, index: 0, delivery: 0 };
    fleet.started(fanOut, 0);
    fleet.do(now => fleet.core.stalled(worker!, [ref], 300_000, now));
    assert.deepEqual([...fleet.changed.get(fanOut.task.thread)!], [0]);
    fleet.now += 1_000;
    assert.equal(told(), 301);
    assert.deepEqual(fleetDocument(fleet.core, facts, fleet.now).stalled, [
      {
        task: fanOut.task.alias,
        thread: fanOut.task.thread,
        subtask: 0,
        worker: 'worker-0',
        stalled_secs: 301,
      },
    ]);
    fleet.do(now => fleet.core.stalled(worker!, [ref], null, now));
    assert.equal(told(), null);
    fleet.do(now => fleet.core.stalled(worker!, [ref], 300_000, now));
    fleet.report(fanOut, 0);
    assert.equal(told(), null);
    assert.deepEqual(fleetDocument(fleet.core, facts, fleet.now).stalled, []);
  });
});

describe('the document of a fleet', () => {
  it('has the coordinator first, leaves out stopped workers, and counts instances', () => {
    const fleet = new TestFleet(3);
    const self = {
      did: SELF,
      alias: 'coordinator',
      role: 'coordinator',
      home: '/c',
      public_key: 'c',
    } as const;
    fleet.do(now => fleet.core.admit(self, now));
    fleet.do(now => fleet.core.gone(workerDid(0), 'it died', now));
    fleet.do(now => fleet.core.stopped(workerDid(2), now));
    const document = v.parse(fleetSchema, fleetDocument(fleet.core, facts, fleet.now));
    assert.deepEqual(
      document.instances.map(({ alias, status }) => [alias, status]),
      [
        ['coordinator', 'live'],
        ['worker-0', 'archived'],
        ['worker-1', 'live'],
      ],
    );
    assert.deepEqual([document.live, document.stale, document.archived], [2, 0, 1]);
    assert.equal(document.instances[1]!.note, 'it died');
    assert.equal(document.instances[0]!.store_records, 7);
  });

  it('puts worker-z before worker-aa', () => {
    const fleet = new TestFleet();
    for (const alias of ['worker-aa', 'worker-z'])
      fleet.do(now =>
        fleet.core.admit(
          { did: workerDid(alias.length), alias, role: 'worker', home: '/x', public_key: alias },
          now,
        ),
      );
    const { instances } = fleetDocument(fleet.core, facts, 0);
    assert.deepEqual(
      instances.map(({ alias }) => alias),
      ['worker-z', 'worker-aa'],
    );
  });
});

describe('a name of an instance', () => {
  it('is its DID, its alias, or an unambiguous prefix or suffix of a DID', () => {
    const { state } = new TestFleet(2).core;
    for (const name of [workerDid(1), 'worker-1', workerDid(1).slice('did:sync:instance:'.length)])
      assert.equal(resolveInstance(state, name).did, workerDid(1));
    for (const name of ['did:sync:instance:', 'worker', '1', ''])
      assert.throws(() => resolveInstance(state, name), { code: 'NOT_FOUND' });
  });
});

describe('the facts of a run', () => {
  it('count the slots of the workers used, up to the number of subtasks', () => {
    const fleet = new TestFleet(2, 3);
    const fanOut = fleet.fanOut(4);
    fleet.now += 5000;
    for (let i = 0; i < 4; i++) fleet.report(fanOut, i);
    const run = runFacts(fleet.core.state, fanOut.task);
    assert.deepEqual([run.slotsUsed, run.measuredWallMs, run.outcome], [4, 5000, 'satisfied']);
  });

  it('do not exist for a task without a fan-out', () => {
    const fleet = new TestFleet();
    assert.throws(() => runFacts(fleet.core.state, fleet.addTask()), { code: 'CONFLICT' });
  });
});
