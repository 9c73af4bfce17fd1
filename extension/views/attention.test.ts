import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { coordinator, fleet, instance, task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { useModel } from '../testing/model.ts';
import { Attention, type Alarm } from './attention.ts';

/** Returns a fan-out with this outcome. */
function joined(outcome: string, more = {}): TaskDocument {
  const bare = task();
  return { ...bare, thread: 'th', fan_out: { ...bare.fan_out!, complete: true, outcome, ...more } };
}

describe('what needs a person', () => {
  const on = useModel();
  let attention: Attention;
  let raised: Alarm[];
  let counts: number[];
  beforeEach(() => {
    attention = new Attention(on.window.model, on.window.scope);
    [raised, counts] = [[], []];
    attention.onDidRaise(alarm => raised.push(alarm));
    attention.onDidCount(count => counts.push(count));
  });
  afterEach(() => attention.dispose());

  it('is a join that failed while the window was open, once for each round', async () => {
    await on.window.has({});
    await on.window.task(joined('unsatisfiable'));
    await on.window.task(joined('unsatisfiable'));
    assert.deepEqual(
      raised.map(({ kind }) => kind),
      ['joinFailed'],
    );
    await on.window.task(joined('timed_out', { round: 2 }));
    assert.equal(raised.length, 2);
    assert.deepEqual(counts, [1, 1], 'it is one task');
  });

  it('is not a join with an intended outcome, nor an earlier one', async () => {
    await on.window.has({ tasks: { tasks: [joined('unsatisfiable')] } });
    await on.window.task({ ...joined('satisfied'), thread: 'th_1' });
    await on.window.task({ ...joined('cancelled'), thread: 'th_2' });
    await on.window.task({ ...joined('unsatisfiable', { serial: true }), thread: 'th_3' });
    await on.window.task({ ...joined('unsatisfiable', { complete: false }), thread: 'th_4' });
    assert.deepEqual(raised, []);
  });

  it('is a subtask with a question while the window is open, once for each question', async () => {
    const asking = (...indices: number[]): TaskDocument =>
      joined('', { complete: false, outcome: null, needs_you: indices });
    await on.window.has({ tasks: { tasks: [asking(4)] } });
    const told = (): unknown[] => raised.map(alarm => alarm.kind === 'needsYou' && alarm.subtask);
    await on.window.task(asking(4, 1));
    await on.window.task(asking(4, 1));
    assert.deepEqual(told(), [1]);
    await on.window.task(asking(4));
    await on.window.task(asking(1));
    assert.deepEqual(told(), [1, 1]);
  });

  it('is a worker that was lost with work on it', async () => {
    await on.window.has({});
    const lost = instance({ status: 'archived', active_dispatches: 0 });
    await on.window.fleet({ instances: [coordinator(), lost] });
    const [alarm] = raised;
    assert.deepEqual(alarm?.kind === 'workerLost' && [alarm.worker.alias, alarm.had.active_dispatches], [
      'worker-a',
      1,
    ]);
    await on.window.fleet({ instances: [coordinator(), lost] });
    assert.equal(raised.length, 1);
  });

  it('is not a worker without work, or a stopped one', async () => {
    await on.window.has({ fleet: fleet({ instances: [coordinator(), instance({ active_dispatches: 0 })] }) });
    await on.window.fleet({
      instances: [coordinator(), instance({ status: 'archived', active_dispatches: 0 })],
    });
    await on.window.fleet({ instances: [coordinator(), instance()] });
    await on.window.fleet({ instances: [coordinator(), instance({ status: 'stopped' })] });
    assert.deepEqual(raised, []);
  });

  it('is an attempt without a sign of life, each time that it stalls again', async () => {
    await on.window.has({ tasks: { tasks: [task()] } });
    const stalled = [{ task: 'FIRST-001', subtask: 1, worker: 'worker-a', stalled_secs: 9 }];
    await on.window.fleet({ stalled });
    await on.window.fleet({ stalled: [{ ...stalled[0]!, stalled_secs: 99 }] });
    const [alarm] = raised;
    assert.deepEqual(alarm?.kind === 'stalled' && [alarm.task.thread, alarm.attempt.subtask], [
      task().thread,
      1,
    ]);
    assert.equal(raised.length, 1);
    await on.window.fleet({ stalled: [] });
    await on.window.fleet({ stalled });
    assert.equal(raised.length, 2);
  });

  it('names the stalled task, even if a newer one has its alias', async () => {
    const older = task({ thread: 'th_older', created_unix: 1 });
    await on.window.has({ tasks: { tasks: [older, task({ thread: 'th_newer' })] } });
    const stalled = {
      task: older.alias,
      thread: 'th_older',
      subtask: 1,
      worker: 'worker-a',
      stalled_secs: 9,
    };
    await on.window.fleet({ stalled: [stalled] });
    const [alarm] = raised;
    assert.equal(alarm?.kind === 'stalled' && alarm.task.thread, 'th_older');
  });

  it('is a long run that passed, and no failure that a person caused by a cancel', async () => {
    await on.window.has({});
    const times = { opened_unix: 100, joined_unix: 131 };
    const counts = { ...task().fan_out!.counts, running: 0, cancelled: 1 };
    await on.window.task({ ...joined('satisfied', times), thread: 'th_long' });
    await on.window.task({ ...joined('satisfied', { ...times, joined_unix: 129 }), thread: 'th_short' });
    await on.window.task({ ...joined('unsatisfiable', { counts }), thread: 'th_cancelled' });
    assert.deepEqual(
      raised.map(alarm => alarm.kind === 'passed' && [alarm.task.thread, alarm.secs]),
      [['th_long', 31]],
    );
  });

  it('remains until somebody sees it', async () => {
    await on.window.has({});
    await on.window.task(joined('unsatisfiable'));
    await on.window.fleet({ instances: [coordinator(), instance({ status: 'archived' })] });
    attention.clear();
    attention.clear();
    assert.deepEqual(counts, [1, 2, 0]);
  });
});
