import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { VERDICTS, OUTCOMES } from '../../contract/documents.ts';
import type { JsonObject } from '../../record/canonical.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import { seal, type FleetRecord } from '../../record/record.ts';
import { asJson, TOPIC } from '../model/record-bodies.ts';
import { joinDocument } from '../views/views.ts';
import { applyRecord } from './apply-record.ts';
import { restoreState, saveState } from './snapshot.ts';
import { emptyState, type FanOut, type FleetState } from '../model/state.ts';
import { FOLD, refOf, SELF, TestFleet, USER, workerDid } from '../testing/test-fleet.ts';

/** Returns the counts, computed from the children. */
function counted(fanOut: FanOut): FanOut['counts'] {
  const count = (test: (child: FanOut['children'][number]) => boolean): number =>
    fanOut.children.filter(test).length;
  const ended = (verdict: string): number =>
    count(child => child.state === 'done' && child.verdict === verdict);
  return {
    accepted: ended('accept'),
    rejected: ended('reject'),
    failed: ended('failed'),
    timed_out: ended('timeout'),
    cancelled: ended('cancelled'),
    running: count(({ state }) => state === 'assigned'),
    pending: count(({ state }) => state === 'pending'),
  };
}

describe('the fold', () => {
  it('builds a task and its fan-out from their records', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ depends_on: [1] }, { name: 'second' }], {
      join: 'k_of_n:1',
      timeout_secs: 9,
    });
    const { facts } = fanOut.task;
    assert.deepEqual(
      [facts.alias, facts.goal, facts.actor, facts.namespace],
      ['T-1', 'a goal', USER, 'default'],
    );
    assert.deepEqual(
      [fanOut.join, fanOut.timeoutMs, fanOut.round, fanOut.losers],
      ['k_of_n:1', 9000, 1, 'keep'],
    );
    assert.deepEqual(fanOut.subtasks[0]!.depends_on, [1]);
    assert.equal(fanOut.subtasks[1]!.name, 'second');
    assert.deepEqual(
      fanOut.children.map(({ unmet }) => unmet),
      [1, 0],
    );
    assert.ok(fleet.core.state.open.has(fanOut.task.thread));
  });

  it('makes no task of a restored thread, from the log and from a checkpoint (I37)', () => {
    const elsewhere = new TestFleet(1);
    const { thread } = elsewhere.fanOut(2).task;
    const state = emptyState();
    const mark = { topic: TOPIC.threadRestored, thread, issued_by: USER, issued_at_unix: 1 } as const;
    const content = { act: 'LEARN', actor: SELF, clock: 0, data_type: 'SCALAR', parents: [] } as const;
    applyRecord(
      state,
      seal({ ...content, thread: RESERVED.engineConfig, body: asJson(mark) }).record,
      1,
      FOLD,
    );
    const reopened = restoreState(saveState(state, FOLD.cel), FOLD.cel)!;
    for (const each of [state, reopened]) {
      for (const { record, at } of elsewhere.log)
        if (record.thread === thread) applyRecord(each, record, at, FOLD);
      assert.deepEqual([each.tasks.size, each.aliases.size, each.open.size], [0, 0, 0]);
    }
  });

  it('keeps only the first fan-out of a task', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2);
    const intent = fleet.log.find(({ record }) => record.body['topic'] === TOPIC.fanOut)!.record;
    const second = seal({ ...intent, clock: 50 }).record;
    applyRecord(fleet.core.state, second, 1, FOLD);
    assert.equal(fanOut.task.fanOut!.id, intent.id);
  });

  for (const topic of [TOPIC.spawned, TOPIC.returned, TOPIC.join, TOPIC.retry, TOPIC.cancel] as const) {
    it(`accepts ${topic} only from the coordinator itself`, () => {
      const fleet = new TestFleet(1);
      const fanOut = fleet.fanOut(1);
      const bodies: Record<typeof topic, JsonObject> = {
        [TOPIC.spawned]: { worker: workerDid(0), round: 1, children: [[0, 1, 1]] },
        [TOPIC.returned]: { worker: workerDid(0), reason: 'x', children: [[0, 0]] },
        [TOPIC.join]: {
          round: 1,
          outcome: 'satisfied',
          reason: 'x',
          counts: { ...fanOut.counts } as JsonObject,
          children: [],
        },
        [TOPIC.retry]: { index: 0, round: 2, issued_by: USER },
        [TOPIC.cancel]: { issued_by: USER },
      };
      const said = (actor: Did): FleetRecord =>
        seal({
          act: 'DO',
          actor,
          body: { ...bodies[topic], topic },
          clock: 99,
          data_type: 'SCALAR',
          parents: [],
          thread: fanOut.task.thread,
        }).record;
      const before = JSON.stringify(fanOut.children);
      for (const actor of [USER, workerDid(0), workerDid(9)])
        applyRecord(fleet.core.state, said(actor), 1, FOLD);
      assert.equal(JSON.stringify(fanOut.children), before);
      assert.deepEqual([fanOut.joined, fanOut.round, fanOut.task.cancelled], [null, 1, null]);
    });
  }

  it('accepts an admitted instance’s records about itself only', () => {
    const fleet = new TestFleet(1);
    const beat = fleet.log.find(({ record }) => record.body['topic'] === TOPIC.heartbeat)!.record;
    const about = (actor: Did, did: Did): FleetRecord =>
      seal({ ...beat, actor, clock: 99, body: { ...beat.body, did, pid: 666 } }).record;
    applyRecord(fleet.core.state, about(workerDid(5), workerDid(0)), 1, FOLD);
    applyRecord(fleet.core.state, about(workerDid(5), workerDid(5)), 1, FOLD);
    assert.equal(fleet.core.state.instances.get(workerDid(0))!.pid, 100);
    assert.equal(fleet.core.state.instances.has(workerDid(5)), false);
  });

  it('assigns an alias to the newest task', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.report(fanOut, 0);
    const newer = fleet.addTask({ alias: fanOut.task.alias });
    assert.equal(fleet.core.state.aliases.get('T-1'), newer.thread);
  });

  it('ignores people’s records on a task’s thread, but for their clock', () => {
    const fleet = new TestFleet(1);
    const task = fleet.addTask();
    const note = fleet.sealAs(USER, task.thread, 'KNOW', { text: 'looks good' });
    applyRecord(fleet.core.state, seal({ ...note.record, clock: 41 }).record, 1, FOLD);
    assert.equal(task.clocks.get(USER), 42);
  });

  it('stores each attempt once, also of a child that was cancelled between two attempts and retried', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ attempts: 3 }]);
    const [child] = fanOut.children;
    fleet.report(fanOut, 0, { verdict: 'failed', reason: 'exit 1' });
    assert.equal(child!.state, 'pending', 'it backs off');
    fleet.cancel(fanOut.task, 0);
    fleet.retry(fanOut.task, 0);
    const attempts = (): unknown => child!.earlier?.map(({ attempt, reason }) => [attempt, reason]);
    assert.deepEqual(attempts(), [[1, 'exit 1']]);

    assert.deepEqual([child!.state, child!.attempt], ['assigned', 2]);
    fleet.report(fanOut, 0, { verdict: 'failed', reason: 'exit 2' });
    fleet.pass(60_000);
    assert.deepEqual([child!.state, child!.attempt], ['assigned', 3]);
    assert.deepEqual(attempts(), [
      [1, 'exit 1'],
      [2, 'exit 2'],
    ]);
  });

  it('waits the named back-off before each attempt, twice as long each time, up to an hour, also after a restart', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ attempts: 4, backoff_secs: 1_000 }]);
    const { task } = fanOut;
    const current = () => fleet.core.state.tasks.get(task.thread)!.fanOut!;
    const passTo = (end: number): void => {
      while (fleet.now < end) {
        fleet.beat(0);
        fleet.pass(Math.min(5_000, end - fleet.now));
      }
    };
    for (const [before, secs] of [1_000, 2_000, 3_600].entries()) {
      fleet.report(current(), 0, { verdict: 'failed' });
      const end = fleet.now + secs * 1_000;
      fleet.restart();
      fleet.hello(0);
      const told = joinDocument(fleet.core, current().task, false, fleet.now).children[0]!.reason;
      assert.equal(
        told,
        `attempt ${before + 1} ended as failed; waits ${secs}s before attempt ${before + 2}`,
      );
      passTo(end - 1);
      assert.equal(current().children[0]!.state, 'pending');
      passTo(end + 1);
      assert.equal(current().children[0]!.state, 'assigned');
    }
  });

  it('gives the same state from the log as live', () => {
    const fleet = new TestFleet(2, 2);
    const fanOut = fleet.fanOut([{ attempts: 2 }, {}, { depends_on: [0] }, {}]);
    fleet.report(fanOut, 0, { verdict: 'failed', reason: 'exit 1', exit_code: 1 });
    fleet.do(now =>
      fleet.core.returned(
        workerDid(0),
        { deliveries: [refOf(fanOut, 3)], reason: 'recalled', begun: false },
        now,
      ),
    );
    fleet.report(fanOut, 1, { verdict: 'reject' });
    fleet.retry(fanOut.task, 1);
    fleet.cancel(fanOut.task, 3);
    const again = fleet.replayed().tasks.get(fanOut.task.thread)!.fanOut!;
    const shown = ({ children, counts, round, spawned }: FanOut): unknown => ({
      children,
      counts,
      round,
      spawned,
    });
    assert.deepEqual(shown(again), shown(fanOut));
  });
});

// Records of any kind, order and author about a fan-out of five.
const actor = fc.constantFrom(SELF, SELF, SELF, workerDid(0), workerDid(1), USER);
const index = fc.integer({ min: -1, max: 6 });
const small = fc.integer({ min: -1, max: 3 });
const verdict = fc.constantFrom(...VERDICTS);
const worker = fc.constantFrom(workerDid(0), workerDid(1));
const result = { cost_usd: fc.constant(0), wall_time_secs: fc.constant(1), attempt: small };
const counts = fc.constant({
  accepted: 0,
  rejected: 0,
  failed: 0,
  timed_out: 0,
  cancelled: 0,
  running: 0,
  pending: 0,
});
const body = fc.oneof(
  fc.record({
    topic: fc.constant(TOPIC.spawned),
    worker,
    round: small,
    children: fc.array(fc.tuple(index, small, small)),
  }),
  fc.record({
    topic: fc.constant(TOPIC.returned),
    worker,
    reason: fc.string(),
    children: fc.array(fc.tuple(index, small)),
  }),
  fc.record({
    topic: fc.constant(TOPIC.childDone),
    index,
    delivery: small,
    verdict,
    lost: fc.boolean(),
    ...result,
  }),
  fc.record({
    topic: fc.constant(TOPIC.join),
    round: small,
    outcome: fc.constantFrom(...OUTCOMES),
    reason: fc.string(),
    counts,
  }),
  fc.record({
    topic: fc.constant(TOPIC.retry),
    index,
    round: fc.integer({ min: 1, max: 3 }),
    issued_by: fc.constant(USER),
  }),
  fc.record({ topic: fc.constant(TOPIC.cancel), subtask: fc.option(index), issued_by: fc.constant(USER) }),
  fc.record({ topic: fc.constantFrom('fanout_future', 'note', TOPIC.child), anything: fc.string() }),
  fc.record({ text: fc.string() }),
);

describe('for any log, the fold', () => {
  it('never throws, and its counts match its children (I4)', () => {
    const join = fc.constantFrom('all', 'any', 'k_of_n:2', 'accepted > 1');
    fc.assert(
      fc.property(fc.array(fc.tuple(actor, body), { maxLength: 80 }), join, (records, predicate) => {
        const fleet = new TestFleet();
        const fanOut = fleet.fanOut(
          [{}, {}, { depends_on: [0] }, { depends_on: [0, 1] }, { depends_on: [2] }],
          {
            join: predicate,
          },
        );
        const { state } = fleet.core;
        records.forEach(([by, said], i) => {
          applyRecord(state, recordOf(by, fanOut.task.thread, said, i + 10), i, FOLD);
          assert.deepEqual(fanOut.counts, counted(fanOut));
          requireSound(state, fanOut);
        });
      }),
      { numRuns: runs(500) },
    );
  });

  it('never throws for registry records of any kind', () => {
    const topic = fc.constantFrom(TOPIC.admitted, TOPIC.status, TOPIC.heartbeat, 'other');
    const said = fc.record({
      topic,
      did: worker,
      alias: fc.string(),
      role: fc.constant('worker'),
      status: fc.constant('live'),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(actor, said)), records => {
        const state = emptyState();
        records.forEach(([by, each], i) =>
          applyRecord(state, recordOf(by, RESERVED.instanceRegistry, each, i), i, FOLD),
        );
        for (const did of state.instances.keys()) assert.ok(did === workerDid(0) || did === workerDid(1));
      }),
      { numRuns: runs(100) },
    );
  });
});

function requireSound(state: FleetState, fanOut: FanOut): void {
  const left = fanOut.counts.running + fanOut.counts.pending;
  assert.equal(state.open.has(fanOut.task.thread), fanOut.joined === null || left > 0);
  for (const child of fanOut.children) {
    const needs = fanOut.subtasks[child.index]!.depends_on;
    assert.equal(child.unmet, needs.filter(each => fanOut.children[each]!.verdict !== 'accept').length);
    assert.equal(child.state === 'done', child.verdict !== null);
    assert.equal(child.verdict !== null, child.report !== null);
  }
}

function recordOf(by: Did, thread: ThreadId, said: JsonObject, clock: number): FleetRecord {
  return seal({ act: 'DO', actor: by, body: said, clock, data_type: 'SCALAR', parents: [], thread }).record;
}
