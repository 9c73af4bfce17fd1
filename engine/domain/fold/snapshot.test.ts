import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { celCompiler } from '../join/cel.ts';
import { applyRecord } from './apply-record.ts';
import { serializeFinished, restoreState, saveState } from './snapshot.ts';
import { emptyState, FRESH_CHILD, type FleetState } from '../model/state.ts';
import { FOLD, OTHER, refOf, TestFleet, workerDid } from '../testing/test-fleet.ts';
import { taskDocument } from '../views/views.ts';

/** Returns a state as plain data, without the order of waiting children. */
function shown(state: FleetState): unknown {
  return {
    ...state,
    open: [...state.open],
    tasks: [...state.tasks.values()].map(task => {
      const { fanOut } = task;
      const {
        ready: _,
        predicate,
        task: __,
        children: ___,
        ...rest
      } = fanOut ?? ({} as Partial<NonNullable<typeof fanOut>>);
      return {
        facts: task.facts,
        clocks: task.clocks,
        cancelled: task.cancelled,
        outcome: task.outcome,
        standing: task.standing,
        rest,
        children: fanOut?.children.map(child => ({ ...FRESH_CHILD, ...child })),
        kind: predicate?.kind,
      };
    }),
  };
}

/** A fleet with every kind of event in its history. */
function eventful(): TestFleet {
  const fleet = new TestFleet(2, 2);
  fleet.addTask({ labels: ['a'], criteria: ['b'], dir: '/somewhere' }, 'key-1');
  const done = fleet.fanOut(1, { join: 'accepted == 1' });
  fleet.report(done, 0);
  const over = fleet.fanOut(2, {}, 'key-2');
  fleet.report(over, 0, { summary: 'fine', left_group: ['7 sleep'] });
  fleet.report(over, 1, { verdict: 'failed', exit_code: 3 });
  const open = fleet.fanOut(
    [{ attempts: 3 }, { target: 'worker-1' }, { depends_on: [0] }, { target: 'round-robin' }],
    {
      join: 'accepted > 2',
      losers: 'cancel',
      timeout_secs: 50,
    },
  );
  fleet.report(open, 0, { verdict: 'failed' });
  fleet.do(now =>
    fleet.core.returned(
      workerDid(1),
      { deliveries: [refOf(open, 1)], reason: 'recalled', begun: false },
      now,
    ),
  );
  fleet.cancel(open.task, 3);
  fleet.retry(over.task, 1);
  fleet.cancel(fleet.fanOut(3, { join: 'any' }).task);
  const first = fleet.addTask();
  const second = fleet.addTask({ depends_on: [first.alias] });
  fleet.taskAction(second, 'block', { reason: 'no', on: open.task.alias });
  fleet.taskAction(first, 'done', { summary: 'all of it' });
  fleet.taskAction(first, 'approve', {}, OTHER);
  fleet.taskAction(second, 'defer', { until_unix: fleet.now / 1000 + 60 });
  fleet.taskAction(second, 'start');
  fleet.cancel(second);
  fleet.taskAction(second, 'reopen');
  return fleet;
}

describe('a snapshot', () => {
  it('restores the state, on which later records fold the same (I9)', () => {
    const { log } = eventful();
    fc.assert(
      fc.property(fc.nat(log.length), position => {
        const fold = (state: FleetState, from: number, to: number): FleetState => {
          for (const { record, at } of log.slice(from, to)) applyRecord(state, record, at, FOLD);
          return state;
        };
        const bytes = saveState(fold(emptyState(), 0, position), celCompiler);
        const restored = restoreState(bytes, celCompiler)!;
        assert.deepEqual(shown(restored), shown(fold(emptyState(), 0, position)));
        assert.deepEqual(
          shown(fold(restored, position, log.length)),
          shown(fold(emptyState(), 0, log.length)),
        );
      }),
      { numRuns: runs(100) },
    );
  });

  it('of a restored state has the same bytes, without loading its fan-outs', () => {
    const bytes = saveState(eventful().core.state, celCompiler);
    assert.deepEqual(saveState(restoreState(bytes, celCompiler)!, celCompiler), bytes);
  });

  it('lets a coordinator continue', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }]);
    const restored = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    const again = restored.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.equal(restored.open.size, 1);
    assert.equal(again.children[1]!.unmet, 1);
    const { record } = fleet.report(fanOut, 0);
    applyRecord(restored, record, fleet.now, FOLD);
    assert.equal(again.ready.get('least-loaded')!.peek(), 1);
  });

  it('keeps finished fan-outs as bytes until they are needed', () => {
    const fleet = eventful();
    const { state } = fleet.core;
    saveState(state, celCompiler);
    for (const task of state.tasks.values())
      assert.equal(task.serializedBytes !== null, task.hasFanOut && !state.open.has(task.thread));
    const frozen = [...state.tasks.values()].find(task => task.serializedBytes !== null)!;
    const { outcome } = frozen;
    assert.equal(outcome, 'satisfied');
    assert.notEqual(frozen.serializedBytes, null, 'its outcome is known without');
    assert.equal(frozen.fanOut!.joined!.outcome, outcome);
    assert.equal(frozen.serializedBytes, null);
  });

  it('has the facts of finished fan-outs for a list of tasks without loading them', () => {
    const fleet = eventful();
    const documents = (state: FleetState): unknown[] =>
      [...state.tasks.values()].map(task => taskDocument(state, task, fleet.now));
    const before = documents(fleet.core.state);
    const restored = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    const tasks = [...restored.tasks.values()];
    const kept = tasks.filter(task => task.hasFanOut && !restored.open.has(task.thread));
    assert.ok(kept.length > 0);
    assert.deepEqual(documents(restored), before);
    for (const task of kept) assert.notEqual(task.serializedBytes, null, task.alias);
  });

  it('is prepared in steps, and a fan-out reopened in the meantime stays loaded', () => {
    const fleet = new TestFleet(2, 2);
    const over = fleet.fanOut(2);
    const again = fleet.fanOut(2);
    const open = fleet.fanOut(1);
    for (const fanOut of [over, again])
      for (const index of [0, 1]) fleet.report(fanOut, index, { verdict: index === 0 ? 'accept' : 'failed' });
    const { state } = fleet.core;
    const steps = serializeFinished(state, celCompiler);
    steps.next();
    fleet.retry(again.task, 1);
    while (steps.next().done !== true);
    const frozen = [over, again, open].map(({ task }) => task.serializedBytes !== null);
    assert.deepEqual(frozen, [true, false, false]);
    assert.deepEqual(over.task.fanOut!.children, over.children);
    assert.equal(again.task.fanOut, again);
  });

  it('of another format, or without content, is not read', () => {
    assert.equal(restoreState(Buffer.from('{"format":0}\n'), celCompiler), undefined);
    assert.equal(restoreState(new Uint8Array(0), celCompiler), undefined);
  });
});
