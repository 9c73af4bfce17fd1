import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetError } from '../../errors.ts';
import { isFinished, resolveTask, subtaskNameAt } from './tasks.ts';
import { TestFleet } from '../testing/test-fleet.ts';

describe('the status of a task', () => {
  it('is inbox before its fan-out, active during it', () => {
    const fleet = new TestFleet(1);
    assert.equal(fleet.statusOf(fleet.addTask()), 'inbox');
    assert.equal(fleet.statusOf(fleet.fanOut(1).task), 'active');
  });

  for (const [verdict, status] of [
    ['accept', 'approved'],
    ['failed', 'failed'],
    ['reject', 'failed'],
    ['timeout', 'failed'],
  ] as const) {
    it(`is ${status} when its only subtask ended as ${verdict}`, () => {
      const fleet = new TestFleet(1);
      const fanOut = fleet.fanOut(1);
      fleet.report(fanOut, 0, { verdict });
      assert.equal(fleet.statusOf(fanOut.task), status);
      assert.equal(isFinished(fanOut.task), true);
    });
  }

  it('is failed after its time-out', () => {
    const fleet = new TestFleet();
    const fanOut = fleet.fanOut(1, { timeout_secs: 1 });
    fleet.pass(2000);
    assert.equal(fleet.statusOf(fanOut.task), 'failed');
  });

  it('is cancelled after a cancel, with a fan-out and without', () => {
    const fleet = new TestFleet(1);
    const plain = fleet.addTask();
    fleet.cancel(plain);
    const fanOut = fleet.fanOut(1);
    fleet.cancel(fanOut.task);
    assert.deepEqual([fleet.statusOf(plain), fleet.statusOf(fanOut.task)], ['cancelled', 'cancelled']);
  });

  it('is active again after a retry', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.cancel(fanOut.task);
    fleet.report(fanOut, 0, { verdict: 'cancelled' });
    fleet.retry(fanOut.task, 0);
    assert.deepEqual([fleet.statusOf(fanOut.task), isFinished(fanOut.task)], ['active', false]);
    fleet.report(fanOut, 0);
    assert.equal(fleet.statusOf(fanOut.task), 'approved');
  });
});

describe('a name of a task', () => {
  function fleetWith(...aliases: string[]): TestFleet {
    const fleet = new TestFleet();
    for (const alias of aliases) fleet.addTask({ alias });
    return fleet;
  }

  it('is its alias, its thread, or an unambiguous prefix of either', () => {
    const fleet = fleetWith('FIRST-001', 'SECOND-001');
    const { state } = fleet.core;
    const thread = state.aliases.get('SECOND-001')!;
    for (const name of ['SECOND-001', 'SEC', thread, thread.slice(0, -0) || thread])
      assert.equal(resolveTask(state, name).alias, 'SECOND-001');
  });

  it('prefers the exact match over longer names', () => {
    const { state } = fleetWith('A-1', 'A-10', 'A-11').core;
    assert.equal(resolveTask(state, 'A-1').alias, 'A-1');
  });

  it('is refused when it matches several, naming them, and when it matches none', () => {
    const { state } = fleetWith('A-10', 'A-11').core;
    assert.throws(
      () => resolveTask(state, 'A-'),
      (error: FleetError) =>
        error.code === 'CONFLICT' && error.message === "'A-' may mean A-10, A-11" && error.hint !== undefined,
    );
    for (const name of ['B', '', 'th_'.repeat(3)])
      assert.throws(() => resolveTask(state, name), {
        code: 'NOT_FOUND',
        message: `no task is named '${name}'`,
      });
  });

  it('names the newest task that has the alias', () => {
    const fleet = new TestFleet(1);
    fleet.cancel(fleet.addTask({ alias: 'AGAIN' }));
    const newest = fleet.addTask({ alias: 'AGAIN' });
    assert.equal(resolveTask(fleet.core.state, 'AGAIN'), newest);
    assert.equal(resolveTask(fleet.core.state, 'AG'), newest);
  });
});

describe('the name of a subtask', () => {
  it('is of the task that had the alias at the time', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ name: 'lint' }, {}]);
    const { alias } = fanOut.task;
    const then = fleet.now;
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1);
    fleet.pass(1000);
    fleet.addTask({ alias });
    const nameOf = (index: number, at: number): string | null =>
      subtaskNameAt(fleet.core.state, alias, index, at);
    assert.deepEqual(
      [nameOf(0, then), nameOf(1, then), nameOf(0, then - 1), nameOf(9, then)],
      ['lint', null, null, null],
    );
    assert.equal(nameOf(0, fleet.now), null, 'the present one has no fan-out');
  });
});
