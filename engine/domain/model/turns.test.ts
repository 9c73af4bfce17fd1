import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { kill } from '../commands/kill.ts';
import type { FanOut } from './state.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';

/** Returns the first `count` starts of these fan-outs on one worker with one slot, in order. */
function startsOf(fleet: TestFleet, fanOuts: readonly FanOut[], count: number): string {
  let order = '';
  for (let n = 0; n < count; n++) {
    const at = fanOuts.findIndex(({ counts }) => counts.running > 0);
    order += String.fromCharCode(65 + at);
    fleet.report(
      fanOuts[at]!,
      fanOuts[at]!.children.findIndex(({ state }) => state === 'assigned'),
    );
  }
  return order;
}

describe('free slots', () => {
  const fanOutOf = (
    fleet: TestFleet,
    priority: 'critical' | 'high' | 'medium' | 'low',
    namespace?: string,
  ): FanOut => {
    const task = fleet.addTask({ priority, ...(namespace !== undefined && { namespace }) });
    return fleet.fanOut(40, {}, undefined, task);
  };

  it('are assigned by the weight of the task, and no task starves', () => {
    const fleet = new TestFleet();
    const fanOuts = [fanOutOf(fleet, 'critical'), fanOutOf(fleet, 'low'), fanOutOf(fleet, 'medium')];
    fleet.admit(0);
    fleet.beat(0);
    fleet.hello(0);
    const order = startsOf(fleet, fanOuts, 22);
    assert.equal(order, 'AAAAAAAABCC'.repeat(2));
  });

  it('are assigned by the priority of a fan-out that has its own', () => {
    const fleet = new TestFleet();
    const low = fleet.fanOut(40, { priority: 'low' }, undefined, fleet.addTask({ priority: 'critical' }));
    const high = fleet.fanOut(40, { priority: 'high' });
    fleet.admit(0);
    fleet.beat(0);
    fleet.hello(0);
    assert.equal(startsOf(fleet, [low, high], 10), 'ABBBB'.repeat(2));
  });

  it('are assigned by namespace first: many fan-outs of one take nothing from another', () => {
    const fleet = new TestFleet();
    for (const id of ['acme', 'beta']) fleet.createNamespace(id);
    const fanOuts = ['acme', 'acme', 'acme', 'beta'].map(id => fanOutOf(fleet, 'low', id));
    fleet.admit(0);
    fleet.beat(0);
    fleet.hello(0);
    const order = startsOf(fleet, fanOuts, 12);
    assert.equal([...order].filter(each => each === 'D').length, 6, order);
    assert.deepEqual([...new Set(order)].sort(), ['A', 'B', 'C', 'D']);
  });

  it('are not reserved for a fan-out that can start nothing', () => {
    const fleet = new TestFleet();
    fleet.createNamespace('acme');
    const [frozen, other] = [fanOutOf(fleet, 'critical', 'acme'), fanOutOf(fleet, 'low')];
    fleet.do(now =>
      kill(
        fleet.core,
        { namespace: 'acme', emergency: false, level: null, grace_secs: null, reason: null },
        { actor: USER, now },
      ),
    );
    fleet.admit(0);
    fleet.beat(0);
    fleet.hello(0);
    assert.equal(startsOf(fleet, [frozen, other], 3), 'BBB');
  });
});
