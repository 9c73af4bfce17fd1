import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TOPIC } from '../model/record-bodies.ts';
import { canonical } from '../../record/canonical.ts';
import * as commands from '../commands/fan-out.ts';
import type { ThreadId } from '../../record/ids.ts';
import {
  HEARTBEAT_MS,
  refOf,
  SELF,
  states,
  TestFleet,
  USER,
  verdicts,
  workerDid,
} from '../testing/test-fleet.ts';

const statusOf = (fleet: TestFleet, n: number): string =>
  fleet.core.state.instances.get(workerDid(n))!.status;

describe('a report (I3)', () => {
  it('counts for the present delivery, by its worker', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    const { record } = fleet.report(fanOut, 0, { cost_usd: 0.5, exit_code: 0, summary: 'well' });
    const child = fanOut.children[0]!;
    assert.deepEqual(
      [child.state, child.verdict, child.costUsd, child.exitCode, child.summary, child.report],
      ['done', 'accept', 0.5, 0, 'well', record.id],
    );
  });

  it('is logged and not counted when it is late, repeated, or from another worker', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut([{ attempts: 2 }, {}]);
    fleet.report(fanOut, 0, { verdict: 'failed' });
    fleet.pass(1500);
    assert.deepEqual(states(fanOut), ['assigned', 'assigned']);
    const before = fleet.log.length;
    fleet.report(fanOut, 0, { delivery: 0, by: fanOut.children[0]!.worker! });
    fleet.report(fanOut, 1, { by: fanOut.children[0]!.worker! });
    assert.deepEqual(states(fanOut), ['assigned', 'assigned']);
    assert.equal(fleet.log.length, before + 2);
  });
});

describe('hello', () => {
  it('repeats deliveries that the worker should hold and does not, byte for byte', () => {
    const fleet = new TestFleet(1, 2);
    const fanOut = fleet.fanOut(2);
    const first = fleet.log.filter(({ record }) => record.body['topic'] === TOPIC.child);
    fleet.do(() => fleet.core.disconnected(workerDid(0)));
    fleet.sent = [];
    fleet.hello(0, [refOf(fanOut, 0)]);
    assert.deepEqual(fleet.delivered(), [1]);
    const message = fleet.sent.map(each => each.message).find(({ type }) => type === 'deliver');
    assert.equal(message?.type === 'deliver' && message.records[0]!.record.id, first[1]!.record.id);
    assert.equal(fleet.bodiesOf(TOPIC.spawned).length, 1, 'it is the same delivery');
  });

  it('fences deliveries that no longer count, including those that the coordinator ended', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut([{ target: 'worker-0', attempts: 1 }]);
    const held = refOf(fanOut, 0);
    fleet.do(now => fleet.core.abandon(workerDid(0), 'gone for good', now));
    assert.deepEqual(verdicts(fanOut), ['failed']);
    fleet.sent = [];
    fleet.hello(0, [held, { thread: 'th_unknown' as ThreadId, index: 7, delivery: 0 }]);
    assert.deepEqual(fleet.deliveriesSent('fence'), [0, 7]);
  });

  it('gives a restarted attempt its full time-out', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ timeout_secs: 5 }]);
    fleet.started(fanOut, 0);
    fleet.do(now => fleet.core.gone(workerDid(0), 'it died', now));
    fleet.now += 14_000;
    fleet.hello(0, []);
    assert.equal(fleet.core.startedAt(fanOut.children[0]!), null);
    fleet.started(fanOut, 0);
    for (let i = 0; i < 14; i++) {
      fleet.beat(0);
      fleet.pass(1000);
    }
    assert.deepEqual(states(fanOut), ['assigned']);
  });
});

describe('a returned delivery', () => {
  it('was no attempt: the next delivery has the same attempt number', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    const ref = refOf(fanOut, 0);
    fleet.do(now =>
      fleet.core.returned(
        workerDid(0),
        { deliveries: [ref, ref], reason: 'the worker is stopping', begun: false },
        now,
      ),
    );
    const child = fanOut.children[0]!;
    assert.deepEqual([child.state, child.attempt, child.deliveries], ['assigned', 1, 2]);
    assert.equal(child.earlier, null);
  });

  it('is ignored when it is not the present delivery', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.do(now =>
      fleet.core.returned(
        workerDid(0),
        { deliveries: [{ ...refOf(fanOut, 0), delivery: 3 }], reason: 'x', begun: false },
        now,
      ),
    );
    assert.equal(fleet.bodiesOf(TOPIC.returned).length, 0);
  });
});

describe('the silence of a worker', () => {
  it('ends with any message', () => {
    const fleet = new TestFleet(1);
    for (let i = 0; i < 10; i++) {
      fleet.pass(1.5 * HEARTBEAT_MS);
      fleet.beat(0);
    }
    assert.equal(statusOf(fleet, 0), 'live');
    fleet.pass(2.5 * HEARTBEAT_MS);
    fleet.beat(0);
    assert.equal(statusOf(fleet, 0), 'live');
    assert.deepEqual(fleet.ended, []);
  });

  it('is excused when the coordinator itself did not run (I18)', () => {
    const fleet = new TestFleet(1);
    fleet.sleep(60_000);
    assert.equal(statusOf(fleet, 0), 'live');
    fleet.pass(2 * HEARTBEAT_MS);
    assert.equal(statusOf(fleet, 0), 'live', 'its time begins anew');
    fleet.pass(2 * HEARTBEAT_MS);
    assert.equal(statusOf(fleet, 0), 'archived');
  });

  it('is also excused when a message comes before the late tick', () => {
    const fleet = new TestFleet(2);
    fleet.core.nextDeadline(fleet.now);
    fleet.now += 60_000;
    fleet.beat(1);
    fleet.pass(10);
    assert.deepEqual([statusOf(fleet, 0), statusOf(fleet, 1)], ['live', 'live']);
  });

  it('times out no attempt while the coordinator was suspended (I23)', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ timeout_secs: 2 }]);
    fleet.started(fanOut, 0);
    fleet.sleep(3_600_000);
    assert.deepEqual(states(fanOut), ['assigned']);
    fleet.report(fanOut, 0);
    assert.deepEqual(verdicts(fanOut), ['accept']);
  });

  it('ends a worker that does not come back', () => {
    const fleet = new TestFleet(1);
    fleet.do(now => fleet.core.gone(workerDid(0), 'it died', now));
    fleet.pass(20_000);
    assert.deepEqual(fleet.ended, []);
    fleet.pass(20_000);
    assert.deepEqual(fleet.ended, [workerDid(0)]);
    fleet.do(now => fleet.core.abandon(workerDid(0), 'it never came', now));
    fleet.pass(600_000);
    assert.deepEqual(fleet.ended, [workerDid(0)], 'a worker that was given up is left alone');
  });
});

describe('a heartbeat', () => {
  it('is written only when it contains something new', () => {
    const fleet = new TestFleet(1);
    const before = fleet.log.length;
    fleet.beat(0, { uptime_secs: 5, store_records: 9, active_dispatches: 1 });
    assert.equal(fleet.log.length, before);
    fleet.beat(0, { endpoint: 'http://127.0.0.1:9201' });
    assert.equal(fleet.log.length, before + 1);
  });

  it('is ignored for another instance, and from an unknown one', () => {
    const fleet = new TestFleet(1);
    const before = fleet.log.length;
    fleet.beat(0, { did: workerDid(5) });
    fleet.beat(7);
    assert.equal(fleet.log.length, before);
  });
});

describe('a stop', () => {
  it('gives the worker no more work, also after it reconnects (I25)', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2);
    fleet.do(now => fleet.core.stop(workerDid(0), 700, now));
    fleet.do(() => fleet.core.disconnected(workerDid(0)));
    fleet.sent = [];
    fleet.hello(0, [refOf(fanOut, 0)]);
    assert.deepEqual(
      fleet.sent.map(({ message }) => message),
      [
        { type: 'permit', asOf: fleet.now, frozen: [] },
        { type: 'stop', graceMs: 700 },
      ],
    );
    fleet.report(fanOut, 0);
    assert.deepEqual(states(fanOut), ['done', 'pending']);
  });

  it('ends with the worker’s process: its replacement gets work', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.do(now => fleet.core.stop(workerDid(0), 700, now));
    fleet.do(now =>
      fleet.core.returned(
        workerDid(0),
        { deliveries: [refOf(fanOut, 0)], reason: 'the worker is stopping', begun: false },
        now,
      ),
    );
    fleet.do(now => fleet.core.stopped(workerDid(0), now));
    assert.equal(statusOf(fleet, 0), 'stopped');
    assert.deepEqual(states(fanOut), ['pending']);
    fleet.hello(0);
    assert.deepEqual([statusOf(fleet, 0), ...states(fanOut)], ['live', 'assigned']);
  });
});

describe('a join', () => {
  const joins = (fleet: TestFleet): unknown[] => fleet.bodiesOf(TOPIC.join).map(({ outcome }) => outcome);

  it('comes once, with the census and the report of each member (I2, I10)', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(2);
    const [a, b] = [fleet.report(fanOut, 1), fleet.report(fanOut, 0)];
    const [body] = fleet.bodiesOf(TOPIC.join);
    assert.deepEqual(body, {
      topic: TOPIC.join,
      round: 1,
      outcome: 'satisfied',
      reason: '2 of 2 accepted',
      counts: { accepted: 2, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0, pending: 0 },
      children: [
        { index: 0, verdict: 'accept', report: b.record.id },
        { index: 1, verdict: 'accept', report: a.record.id },
      ],
    });
    fleet.pass(100_000);
    assert.equal(joins(fleet).length, 1);
  });

  it('`any` comes with the first accepted child, and its census is of that moment', () => {
    const fleet = new TestFleet(3);
    const fanOut = fleet.fanOut(3, { join: 'any' });
    fleet.report(fanOut, 1);
    assert.deepEqual(joins(fleet), ['satisfied']);
    fleet.report(fanOut, 0, { verdict: 'failed' });
    assert.equal(fanOut.joined!.census.running, 2);
    assert.equal(fanOut.children[0]!.afterJoin, true);
    assert.equal(fanOut.counts.failed, 1);
  });

  it('in CEL waits until every child is final', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut([{}, {}, { depends_on: [1] }], { join: 'accepted >= 1 && cancelled == 1' });
    fleet.report(fanOut, 0);
    assert.deepEqual(joins(fleet), []);
    fleet.report(fanOut, 1, { verdict: 'failed' });
    assert.deepEqual(joins(fleet), ['satisfied'], 'the dependant of a failed child ends with it');
    assert.deepEqual(verdicts(fanOut), ['accept', 'failed', 'cancelled']);
    assert.match(fanOut.children[2]!.reason!, /subtask 1 ended as failed/);
  });

  it('times out at its time, and not before', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2, { timeout_secs: 1.5 });
    fleet.pass(1499);
    assert.equal(fanOut.joined, null);
    fleet.pass(2);
    assert.deepEqual(joins(fleet), ['timed_out']);
  });
});

describe('a restarted coordinator', () => {
  it('makes a join that its predecessor did not make durable', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.report(fanOut, 0);
    const join = fleet.log.findIndex(({ record }) => record.body['topic'] === TOPIC.join);
    fleet.log.splice(join);
    fleet.restart();
    assert.equal(fleet.bodiesOf(TOPIC.join).length, 1);
  });

  it('ends dependants that its predecessor did not end', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }], { join: 'any' });
    fleet.report(fanOut, 0, { verdict: 'failed' });
    const cut = fleet.log.findIndex(({ record }) => record.body['cause'] === 0);
    fleet.log.splice(cut);
    fleet.restart();
    assert.deepEqual(verdicts(fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!), [
      'failed',
      'cancelled',
    ]);
  });

  it('completes a cancel that was only requested', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(3);
    fleet.cancel(fanOut.task, 2);
    const cut = fleet.log.findIndex(({ record }) => record.body['topic'] === TOPIC.childDone);
    fleet.log.splice(cut);
    fleet.restart();
    const again = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.deepEqual(verdicts(again), [null, null, 'cancelled']);
  });

  it('keeps running attempts, and gives workers two heartbeat intervals to reconnect', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.restart();
    fleet.pass(1.9 * HEARTBEAT_MS);
    fleet.sent = [];
    fleet.hello(0, [refOf(fanOut, 0)]);
    assert.deepEqual(fleet.delivered(), []);
    const again = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    fleet.report(again, 0);
    assert.equal(again.joined?.outcome, 'satisfied');
  });
});

describe('retry', () => {
  it('before the join opens no round, and keeps the round’s start', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(2, { join: 'any', timeout_secs: 100 });
    const began = fanOut.roundStartedAt;
    fleet.report(fanOut, 0, { verdict: 'failed' });
    fleet.beat(0);
    fleet.now += 500;
    fleet.retry(fanOut.task, 0);
    assert.deepEqual([fanOut.round, fanOut.roundStartedAt], [1, began]);
  });

  it('runs the dependants that ended because of the child, and no others', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }, { depends_on: [1] }, { depends_on: [0, 4] }, {}]);
    fleet.report(fanOut, 0, { verdict: 'failed' });
    fleet.report(fanOut, 4, { verdict: 'failed' });
    assert.deepEqual(verdicts(fanOut), ['failed', 'cancelled', 'cancelled', 'cancelled', 'failed']);
    fleet.retry(fanOut.task, 0);
    assert.deepEqual(states(fanOut), ['assigned', 'pending', 'pending', 'done', 'done']);
    for (const index of [0, 1, 2]) fleet.report(fanOut, index);
    assert.deepEqual(verdicts(fanOut), ['accept', 'accept', 'accept', 'cancelled', 'failed']);
  });

  it('skips cancelled children, children that failed after the join, and the dependants of either', () => {
    const fleet = new TestFleet(3);
    const fanOut = fleet.fanOut([{}, {}, {}, { depends_on: [1] }], { losers: 'drain' });
    fleet.do(now =>
      commands.cancel(fleet.core, 'T-1', { subtask: 2, reason: null }, { actor: USER, key: undefined, now }),
    );
    fleet.report(fanOut, 0, { verdict: 'failed' });
    fleet.report(fanOut, 1, { verdict: 'failed' });
    fleet.report(fanOut, 2, { verdict: 'cancelled' });
    fleet.retry(fanOut.task, 0);
    assert.deepEqual(verdicts(fanOut).slice(1), ['failed', 'cancelled', 'cancelled']);
  });
});

describe('the next deadline', () => {
  it('is undefined when nothing is pending', () => {
    assert.equal(new TestFleet().core.nextDeadline(5), undefined);
  });

  it('is not due immediately after a tick that did nothing (I15)', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(9);
    fleet.report(fanOut, 0, { wall_time_secs: 0.01 });
    fleet.report(fanOut, 1, { wall_time_secs: 0.01 });
    for (let i = 0; i < 100; i++) {
      const before = fleet.log.length;
      const sent = fleet.sent.length;
      fleet.do(now => fleet.core.tick(now));
      const next = fleet.core.nextDeadline(fleet.now);
      if (fleet.log.length === before && fleet.sent.length === sent)
        assert.ok(next === undefined || next > fleet.now);
      fleet.now = Math.max(fleet.now, next ?? 0) + 1;
      fleet.beat(0);
      fleet.beat(1);
    }
  });
});

describe('the records of a coordinator', () => {
  it('have clocks that rise per actor and thread (I14)', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(5);
    for (let i = 0; i < 5; i++) fleet.report(fanOut, i);
    const last = new Map<string, number>();
    for (const { record } of fleet.log) {
      const slot = `${record.actor} ${record.thread}`;
      assert.ok(record.clock > (last.get(slot) ?? -1), slot);
      last.set(slot, record.clock);
    }
    assert.ok(last.has(`${SELF} ${fanOut.task.thread}`));
  });
});

describe('the record of a large fan-out', () => {
  it('has sorted members, so that it needs no slow sort', () => {
    const fleet = new TestFleet(2, 3);
    const fanOut = fleet.fanOut(3, { join: 'accepted > 1' });
    for (const index of [0, 1, 2])
      fleet.report(fanOut, index, { verdict: index === 1 ? 'failed' : 'accept', summary: 'done' });
    for (const topic of [TOPIC.fanOut, TOPIC.spawned, TOPIC.child, TOPIC.join]) {
      const [body] = fleet.bodiesOf(topic);
      assert.equal(JSON.stringify(body), canonical(body), topic);
    }
  });
});
