import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import type { Child } from '../model/state.ts';
import { joinDocument } from '../views/views.ts';
import { refOf, states, TestFleet, workerDid } from '../testing/test-fleet.ts';

const workersOf = (children: readonly Child[]): (string | null)[] => children.map(({ worker }) => worker);

describe('dispatch', () => {
  it('spreads children over the workers, up to the window of each', () => {
    const fleet = new TestFleet(3, 2);
    const fanOut = fleet.fanOut(10);
    for (let n = 0; n < 3; n++) assert.equal(fleet.delivered(n).length, 2);
    assert.equal(fanOut.counts.running, 6);
    assert.equal(fanOut.counts.pending, 4);
  });

  it('assigns the next child as soon as one has ended', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2);
    assert.deepEqual(states(fanOut), ['assigned', 'pending']);
    fleet.report(fanOut, 0);
    assert.deepEqual(states(fanOut), ['done', 'assigned']);
  });

  it('keeps to the limit of a fan-out, and gives other fan-outs the other slots', () => {
    const fleet = new TestFleet(2, 4);
    const bounded = fleet.fanOut(6, { max_parallel: 2 });
    assert.equal(bounded.counts.running, 2);
    assert.equal(fleet.fanOut(9).counts.running, 6);
    fleet.report(bounded, 0);
    assert.deepEqual(states(bounded).slice(0, 4), ['done', 'assigned', 'assigned', 'pending']);
    // Short attempts let a worker hold more than its slots, and a fan-out no more than its limit.
    fleet.report(bounded, 1, { wall_time_secs: 0.001 });
    assert.equal(bounded.counts.running, 2);
    const { children } = joinDocument(fleet.core, bounded.task, false, fleet.now);
    assert.equal(children[5]!.reason, 'waiting for its turn: this run has 2 at a time');
  });

  it('breaks ties in favour of the longest running worker', () => {
    const fleet = new TestFleet(1);
    fleet.now += 1000;
    for (const n of [1, 2]) {
      fleet.admit(n);
      fleet.hello(n);
    }
    assert.deepEqual(workersOf(fleet.fanOut(1).children), [workerDid(0)]);
  });

  it('assigns work ahead only when attempts are short', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(30);
    fleet.report(fanOut, 0, { wall_time_secs: 0.01 });
    assert.equal(fanOut.counts.running, 5);
    fleet.report(fanOut, 1, { wall_time_secs: 600 });
    assert.equal(fanOut.counts.running, 4, 'what was handed out stays');
    fleet.report(fanOut, 2, { wall_time_secs: 600 });
    assert.equal(fanOut.counts.running, 3, 'and nothing more follows');
  });

  it('does not count a lost attempt as a short one', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(5);
    fleet.report(fanOut, 0, { verdict: 'failed', lost: true, wall_time_secs: 0 });
    assert.equal(fanOut.counts.running, 1);
  });

  for (const [target, waits] of [
    ['worker-1', 'an alias'],
    [`specific:${workerDid(1)}`, 'a DID'],
  ] as const) {
    it(`keeps to ${waits} as a target`, () => {
      const fleet = new TestFleet(2);
      const fanOut = fleet.fanOut([{ target }, { target }, {}]);
      assert.deepEqual(workersOf(fanOut.children), [workerDid(1), null, workerDid(0)]);
      fleet.report(fanOut, 2);
      assert.equal(fanOut.children[1]!.state, 'pending', 'the other one is free, and not meant');
    });
  }

  it('assigns nothing to a worker that is disconnected, draining, stopping or stale', () => {
    const fleet = new TestFleet(4);
    fleet.do(() => fleet.core.disconnected(workerDid(0)));
    fleet.beat(1, { health: 'draining' });
    fleet.do(now => fleet.core.stop(workerDid(2), 1000, now));
    fleet.core.state.instances.get(workerDid(3))!.status = 'stale';
    const fanOut = fleet.fanOut(1);
    assert.equal(fanOut.children[0]!.state, 'pending');
    fleet.hello(0);
    assert.equal(fanOut.children[0]!.worker, workerDid(0));
  });

  it('chooses round-robin workers by the hash of parent and index', () => {
    const choose = (): (string | null)[] => {
      const fleet = new TestFleet(3, 20);
      return workersOf(fleet.fanOut(Array.from({ length: 20 }, () => ({ target: 'round-robin' }))).children);
    };
    const first = choose();
    assert.deepEqual(choose(), first);
    assert.equal(new Set(first).size, 3);
  });

  it('queues a round-robin child for its worker without delaying others, and reassigns it when the worker leaves', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(Array.from({ length: 12 }, () => ({ target: 'round-robin' })));
    assert.equal(fanOut.counts.running, 2, 'one at each, though the first ones may all be for one of them');
    fleet.do(() => fleet.core.disconnected(workerDid(0)));
    const atTheOther = (): Child | undefined =>
      fanOut.children.find(({ state, worker }) => state === 'assigned' && worker === workerDid(1));
    for (let child = atTheOther(); child !== undefined; child = atTheOther())
      fleet.report(fanOut, child.index);
    assert.deepEqual(
      [fanOut.counts.accepted, fanOut.counts.running],
      [11, 1],
      'all but the one that is lost',
    );
  });

  it('gives fan-outs turns', () => {
    const fleet = new TestFleet(0);
    const [long, short] = [fleet.fanOut(100), fleet.fanOut(3)];
    fleet.admit(0);
    fleet.beat(0, { slots: 24 });
    fleet.hello(0);
    assert.equal(short.counts.running, 3);
    assert.equal(long.counts.running, 21);
  });

  it('places a child once, however often the queue contains it', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(3);
    fleet.cancel(fanOut.task, 2);
    fleet.retry(fanOut.task, 2);
    fleet.admit(1);
    fleet.beat(1, { slots: 4 });
    fleet.sent = [];
    fleet.hello(1);
    assert.deepEqual(fleet.delivered().sort(), [1, 2]);
    assert.deepEqual(fleet.core.links.get(workerDid(1))!.assigned.size, 2);
  });

  it('recalls deliveries behind a long attempt once another worker is free', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(6);
    fleet.report(fanOut, 0, { wall_time_secs: 0.01 });
    fleet.started(fanOut, 1);
    assert.equal(fanOut.counts.running, 5);
    fleet.admit(1);
    fleet.hello(1);
    fleet.sent = [];
    fleet.pass(150);
    const recalled = fleet.deliveriesSent('recall');
    assert.ok(recalled.length > 0 && !recalled.includes(1), `recalled ${recalled.join()}`);
    const refs = recalled.map(index => refOf(fanOut, index));
    fleet.do(now =>
      fleet.core.returned(workerDid(0), { deliveries: refs, reason: 'recalled', begun: false }, now),
    );
    assert.equal(fleet.delivered(1).length, 1);
    assert.equal(fleet.delivered(0).length, 0, 'nothing goes back behind the long one');
    assert.equal(fanOut.children[recalled[0]!]!.attempt <= 1, true, 'and it was no attempt');
  });

  it('recalls a delivery that waits for more than a moment as soon as another worker is free', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(4);
    fleet.report(fanOut, 0, { wall_time_secs: 0.1 });
    assert.equal(fanOut.children[3]!.worker, fanOut.children[2]!.worker, 'the first that asks gets both');
    assert.deepEqual(fleet.deliveriesSent('recall'), []);
    fleet.report(fanOut, 1, { wall_time_secs: 0.1 });
    assert.deepEqual(fleet.deliveriesSent('recall'), [3]);
  });

  it('assigns every child exactly once, for any dependencies', () => {
    const cases = fc.record({
      workers: fc.integer({ min: 1, max: 4 }),
      slots: fc.integer({ min: 1, max: 3 }),
      edges: fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(cases, ({ workers, slots, edges }) => {
        const fleet = new TestFleet(workers, slots);
        const subtasks = Array.from({ length: 20 }, (_, i) => ({
          depends_on: [...new Set(edges.filter(([a, b]) => a === i && b < i).map(([, b]) => b))],
        }));
        const fanOut = fleet.fanOut(subtasks);
        const order: number[] = [];
        for (;;) {
          const next = fanOut.children.find(({ state }) => state === 'assigned');
          if (next === undefined) break;
          fleet.report(fanOut, next.index);
          order.push(next.index);
        }
        assert.equal(new Set(order).size, 20);
        for (const [i, { depends_on: needs }] of subtasks.entries())
          for (const each of needs) assert.ok(order.indexOf(each) < order.indexOf(i));
        assert.equal(fanOut.joined?.outcome, 'satisfied');
      }),
      { numRuns: runs(60) },
    );
  });
});
