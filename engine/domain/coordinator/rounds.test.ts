import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import * as commands from '../commands/fan-out.ts';
import type { Retry } from '../../contract/commands.ts';
import type { FanOut } from '../model/state.ts';
import { states, TestFleet, USER } from '../testing/test-fleet.ts';

const fail = { verdict: 'failed', reason: 'exit 1' } as const;

/** A joined fan-out of four named subtasks, the first two of which failed. */
function lost(changed: Parameters<TestFleet['fanOut']>[1] = {}): { fleet: TestFleet; fanOut: FanOut } {
  const fleet = new TestFleet(4);
  const names = ['lint', 'test-1', 'test-2', 'docs'];
  const fanOut = fleet.fanOut(
    names.map(name => ({ name })),
    { losers: 'keep', ...changed },
  );
  fleet.report(fanOut, 0, fail);
  fleet.report(fanOut, 1, fail);
  assert.equal(outcomeOf(fanOut), 'unsatisfiable');
  return { fleet, fanOut };
}

const outcomeOf = ({ joined }: FanOut): string | undefined => joined?.outcome;

function retry(fleet: TestFleet, { task }: FanOut, asked: Partial<Retry>): void {
  const input = { hint: null, ...asked };
  fleet.do(now => commands.retry(fleet.core, task.alias, input, { actor: USER, key: undefined, now }));
}

describe('a round that a retry opened', () => {
  it('is not lost before the retried subtasks have ended', () => {
    const { fleet, fanOut } = lost();
    fleet.report(fanOut, 2);
    fleet.report(fanOut, 3);
    retry(fleet, fanOut, { subtask: 0 });
    assert.deepEqual(
      [fanOut.round, fanOut.joined],
      [2, null],
      'subtask 1 has failed, and is not what it is about',
    );
    fleet.report(fanOut, 0);
    assert.deepEqual([fanOut.round, outcomeOf(fanOut)], [2, 'unsatisfiable']);
    assert.equal(fleet.bodiesOf('fanout_join_complete').length, 2);
  });

  it('is satisfied as soon as enough subtasks accept', () => {
    const { fleet, fanOut } = lost({ join: 'k_of_n:3' });
    fleet.report(fanOut, 2);
    retry(fleet, fanOut, { subtask: 0 });
    fleet.report(fanOut, 3);
    assert.equal(outcomeOf(fanOut), undefined, 'two of three');
    fleet.report(fanOut, 0);
    assert.equal(outcomeOf(fanOut), 'satisfied');
  });

  it('waits as long when the coordinator restarts in the middle', () => {
    const { fleet, fanOut } = lost();
    retry(fleet, fanOut, { subtask: 1 });
    fleet.restart();
    const again = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.deepEqual([again.round, again.joined, again.retrying], [2, null, 1]);
  });

  it('times out like any other round', () => {
    const { fleet, fanOut } = lost({ timeout_secs: 5 });
    retry(fleet, fanOut, { subtask: 0 });
    fleet.pass(6_000);
    assert.equal(outcomeOf(fanOut), 'timed_out');
  });

  it('is a single one for all subtasks of a retry, named by name, pattern or index', () => {
    const { fleet, fanOut } = lost();
    retry(fleet, fanOut, { subtasks: ['lint', 'test-1'] });
    assert.deepEqual([fanOut.round, fanOut.retrying], [2, 2]);
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 2);
    fleet.report(fanOut, 3);
    assert.equal(outcomeOf(fanOut), undefined);
    fleet.report(fanOut, 1);
    assert.deepEqual([fanOut.round, outcomeOf(fanOut)], [2, 'satisfied']);
  });

  it('runs all failed subtasks, and those that ended because of them', () => {
    const fleet = new TestFleet(3);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }, {}, {}]);
    fleet.report(fanOut, 0, fail);
    fleet.report(fanOut, 2, fail);
    fleet.report(fanOut, 3);
    assert.deepEqual(
      fanOut.children.map(({ verdict }) => verdict),
      ['failed', 'cancelled', 'failed', 'accept'],
    );
    retry(fleet, fanOut, { failed: true });
    assert.deepEqual(states(fanOut), ['assigned', 'pending', 'assigned', 'done']);
    for (const index of [0, 2, 1]) fleet.report(fanOut, index);
    assert.deepEqual([fanOut.round, outcomeOf(fanOut)], [2, 'satisfied']);
  });

  it('runs again the subtasks that only a draining, lost join ended', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(3, { losers: 'drain' });
    fleet.report(fanOut, 0, fail);
    assert.deepEqual(
      fanOut.children.map(({ verdict }) => verdict),
      ['failed', 'cancelled', 'cancelled'],
    );
    retry(fleet, fanOut, { failed: true });
    for (const index of [0, 1, 2]) fleet.report(fanOut, index);
    assert.deepEqual([fanOut.round, outcomeOf(fanOut)], [2, 'satisfied']);
  });

  const refused = (asked: Partial<Retry>, code: string, message: RegExp): void => {
    const { fleet, fanOut } = lost();
    assert.throws(
      () => retry(fleet, fanOut, asked),
      error => FleetError.is(error, code as 'USAGE') && message.test(error.message),
    );
    assert.equal(fanOut.round, 1);
  };

  it('is not opened for unknown, running or doubly named subtasks', () => {
    refused({}, 'USAGE', /needs 'subtasks'/);
    refused({ failed: true, subtask: 0 }, 'USAGE', /needs 'subtasks'/);
    refused({ subtask: 'lnit' }, 'NOT_FOUND', /no subtask 'lnit' \(did you mean 'lint'\?\)/);
    refused({ subtask: 'x-*' }, 'NOT_FOUND', /no subtask 'x-\*'/);
    refused({ subtask: 4 }, 'NOT_FOUND', /it has 4, counted from 0/);
    refused({ subtasks: ['lint', 'docs'] }, 'CONFLICT', /'docs' of 'T-1' is running/);
  });
});

describe('a cancellation', () => {
  it('accepts a pattern of names, and skips ended subtasks', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(
      ['test-1', 'test-2', 'docs'].map(name => ({ name })),
      { join: 'any' },
    );
    const input = { subtask: 'test-*', reason: 'not now' };
    fleet.do(now => commands.cancel(fleet.core, 'T-1', input, { actor: USER, key: undefined, now }));
    assert.deepEqual(fleet.deliveriesSent('cancel'), [0]);
    fleet.report(fanOut, 0, { verdict: 'cancelled' });
    assert.deepEqual(
      fanOut.children.map(({ verdict }) => verdict),
      ['cancelled', 'cancelled', null],
    );
  });
});
