import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ThreadId } from '../../record/ids.ts';
import { runSerial } from '../commands/fan-out.ts';
import type { FanOut } from '../model/state.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';

const fail = { verdict: 'failed', reason: 'exit 1' } as const;
const outcomeOf = ({ joined }: FanOut): string | undefined => joined?.outcome;

describe('a CEL join', () => {
  it('is unsatisfiable, and ends the rest, once no end of the rest could change that', () => {
    const fleet = new TestFleet(3);
    const join = 'children.all(c, c.verdict == "accept") && cost_usd < 5.0';
    const fanOut = fleet.fanOut(5, { join, losers: 'cancel' });
    fleet.report(fanOut, 0);
    assert.equal(outcomeOf(fanOut), undefined);
    fleet.pass(1_000);
    fleet.report(fanOut, 1, fail);
    assert.equal(outcomeOf(fanOut), 'unsatisfiable');
    assert.equal(
      fanOut.joined?.reason,
      'the predicate can no longer hold: 1 of 5 accepted, 1 failed, 2 running, 1 pending left',
    );
    assert.deepEqual(fleet.deliveriesSent('cancel'), [2, 3]);
  });

  it('is unsatisfiable by its cost, and satisfied as soon as enough have accepted', () => {
    const fleet = new TestFleet(3);
    const dear = fleet.fanOut(3, { join: 'cost_usd < 1.0' });
    fleet.report(dear, 0, { cost_usd: 1.5 });
    assert.equal(outcomeOf(dear), 'unsatisfiable');
    const won = fleet.fanOut(3, { join: 'accepted >= 1 && total == 3' });
    fleet.pass(1_000);
    fleet.report(
      won,
      won.children.findIndex(({ state }) => state === 'assigned'),
    );
    assert.equal(outcomeOf(won), 'satisfied');
  });

  it('is unsatisfiable by the time, within a second', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2, { join: 'accepted == total && wall_time_secs < 10.0' });
    fleet.pass(9_000);
    assert.equal(outcomeOf(fanOut), undefined);
    fleet.pass(2_000);
    assert.equal(outcomeOf(fanOut), 'unsatisfiable');
  });

  it('is decided a moment later when ends come too fast to evaluate each', () => {
    const fleet = new TestFleet(100);
    const fanOut = fleet.fanOut(100, { join: 'children.all(c, c.verdict == "accept")' });
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1, fail);
    assert.equal(outcomeOf(fanOut), undefined, 'it was looked at in this very moment');
    fleet.pass(1_000);
    assert.equal(outcomeOf(fanOut), 'unsatisfiable');
  });

  it('is not unsatisfiable in a round before the retried subtasks have ended', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(2, { join: 'failed == 0', losers: 'keep' });
    fleet.report(fanOut, 0, fail);
    fleet.report(fanOut, 1, fail);
    fleet.retry(fanOut.task, 0);
    fleet.pass(1_000);
    assert.deepEqual([fanOut.round, outcomeOf(fanOut)], [2, undefined]);
    fleet.report(fanOut, 0);
    assert.equal(outcomeOf(fanOut), 'unsatisfiable');
  });

  it('of a serial baseline waits for all children', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2);
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1);
    const issuer = { actor: USER, key: undefined, now: fleet.now };
    fleet.do(() => runSerial(fleet.core, fanOut.task.alias, { worker: null }, 'th_s' as ThreadId, issuer));
    const serial = fleet.core.state.tasks.get('th_s' as ThreadId)!.fanOut!;
    fleet.report(serial, 0, fail);
    fleet.pass(2_000);
    assert.equal(outcomeOf(serial), undefined);
    fleet.report(serial, 1);
    assert.equal(outcomeOf(serial), 'unsatisfiable');
  });
});
