import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ThreadId } from '../../record/ids.ts';
import { celCompiler } from '../join/cel.ts';
import { runSerial } from '../commands/fan-out.ts';
import { joinDocument, runFacts } from '../views/views.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import type { FanOut } from '../model/state.ts';
import { states, TestFleet, USER } from '../testing/test-fleet.ts';

const fail = { verdict: 'failed', reason: 'exit 1' } as const;
const verdicts = ({ children }: FanOut): unknown[] => children.map(({ verdict }) => verdict);
const PLAN = [{ name: 'a' }, { name: 'b' }, { name: 'report', depends_on: [0, 1], when: 'failed' }] as const;

describe('a follow-up', () => {
  it('runs after a failure, whatever the join decided, and does not count for the join', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(PLAN);
    fleet.report(fanOut, 0, fail);
    assert.equal(fanOut.joined?.outcome, 'unsatisfiable');
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'pending'], 'it waits for the other one');
    fleet.report(fanOut, 1);
    assert.deepEqual(states(fanOut), ['done', 'done', 'assigned'], 'although the rest is drained');
    assert.ok(fleet.core.state.open.has(fanOut.task.thread));
    fleet.report(fanOut, 2);
    assert.deepEqual(verdicts(fanOut), ['failed', 'accept', 'accept']);
    assert.equal(fleet.core.state.open.has(fanOut.task.thread), false);
    const status = joinDocument(fleet.core, fanOut.task, false, fleet.now);
    assert.deepEqual(
      [status.subtasks, status.follow_ups, status.completed, status.under_way],
      [3, 1, 2, false],
    );
    assert.deepEqual(
      [status.counts.accepted, status.counts.failed, status.children[2]?.after_join],
      [1, 1, false],
    );
    assert.deepEqual(
      (fleet.bodiesOf('fanout_join_complete')[0]!['children'] as readonly { index: number }[]).map(
        ({ index }) => index,
      ),
      [0, 1],
    );
    assert.equal(runFacts(fleet.core.state, fanOut.task).children.length, 2);
  });

  it('is skipped when nothing failed, which ends the fan-out', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(PLAN);
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1);
    assert.deepEqual(verdicts(fanOut), ['accept', 'accept', 'skipped']);
    assert.equal(fanOut.joined?.outcome, 'satisfied');
    assert.equal(fleet.core.state.open.size, 0);
  });

  it('with when = always runs after any end, also a cancellation', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }, { depends_on: [1], when: 'always' }]);
    fleet.report(fanOut, 0, fail);
    assert.deepEqual(verdicts(fanOut), ['failed', 'cancelled', null]);
    fleet.report(fanOut, 2);
    assert.deepEqual(verdicts(fanOut), ['failed', 'cancelled', 'accept']);
  });

  it('follows other follow-ups', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([
      {},
      { depends_on: [0], when: 'failed' },
      { depends_on: [1], when: 'failed' },
      { depends_on: [1], when: 'always' },
    ]);
    fleet.report(fanOut, 0);
    assert.deepEqual(verdicts(fanOut), ['accept', 'skipped', 'skipped', null]);
    fleet.report(fanOut, 3);
    assert.equal(fleet.core.state.open.size, 0);
  });

  it('ends when its task is cancelled', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(PLAN);
    fleet.cancel(fanOut.task);
    fleet.report(fanOut, 0, { verdict: 'cancelled' });
    fleet.report(fanOut, 1, { verdict: 'cancelled' });
    assert.deepEqual(verdicts(fanOut), ['cancelled', 'cancelled', 'cancelled']);
    assert.equal(fleet.core.state.open.size, 0);
  });

  it('runs again in a round that runs its dependencies again', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(PLAN);
    fleet.report(fanOut, 0, fail);
    fleet.report(fanOut, 1);
    fleet.report(fanOut, 2);
    fleet.retry(fanOut.task, 0);
    assert.deepEqual(states(fanOut), ['assigned', 'done', 'pending']);
    fleet.report(fanOut, 0);
    assert.deepEqual(verdicts(fanOut), ['accept', 'accept', 'skipped']);
    assert.deepEqual([fanOut.round, fanOut.joined?.outcome], [2, 'satisfied']);
  });

  it('continues after a restart of the coordinator, from the log and from a checkpoint', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(PLAN);
    fleet.report(fanOut, 0, fail);
    const kept = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    const saved = kept.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.deepEqual([saved.followUps, saved.openFollowUps, saved.children[2]!.unmet], [1, 1, 1]);
    fleet.report(fanOut, 1);
    fleet.restart();
    const again = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.deepEqual(states(again), ['done', 'done', 'assigned']);
  });

  it('names the subtasks that it waits for', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(PLAN);
    const { children } = joinDocument(fleet.core, task, false, fleet.now);
    assert.deepEqual([children[2]!.reason, children[2]!.when], ["waiting for 'a', 'b'", 'failed']);
  });

  it('must have dependencies, no dependent member, and a member beside it', () => {
    const fleet = new TestFleet(1);
    const refuses = (subtasks: readonly object[], message: RegExp): void => {
      assert.throws(() => fleet.fanOut(subtasks), { code: 'INVALID_RECORD', message });
    };
    refuses([{}, { when: 'always' }], /when = always needs depends/);
    refuses([{}, { depends_on: [0], when: 'failed' }, { depends_on: [1] }], /outside the join/);
  });

  it('is not run by a serial baseline', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(PLAN);
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1);
    const issuer = { actor: USER, key: undefined, now: fleet.now };
    const { thread } = fleet.do(() =>
      runSerial(fleet.core, fanOut.task.alias, { worker: null }, 'th_serial' as ThreadId, issuer),
    );
    const serial = fleet.core.state.tasks.get(thread as ThreadId)!.fanOut!;
    assert.deepEqual(
      serial.subtasks.map(({ name }) => name),
      ['a', 'b'],
    );
  });
});
