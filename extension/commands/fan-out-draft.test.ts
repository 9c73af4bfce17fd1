import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { EMPTY_DRAFT, requestOf, withoutSubtask, withSubtask, type DraftSubtask } from './fan-out-draft.ts';

const subtask = (goal: string, ...on: readonly number[]): DraftSubtask => ({
  goal,
  executor: 'echo',
  run: null,
  target: 'round-robin',
  depends_on: on,
});

describe('the draft of a fan-out', () => {
  it('adds a subtask at its end, or replaces one', () => {
    const draft = withSubtask(withSubtask(EMPTY_DRAFT, subtask('a')), subtask('b', 0));
    const goals = ({ subtasks }: typeof draft): string[] => subtasks.map(({ goal }) => goal);
    assert.deepEqual(goals(draft), ['a', 'b']);
    assert.deepEqual(goals(withSubtask(draft, subtask('c'), 0)), ['c', 'b']);
    assert.deepEqual(EMPTY_DRAFT.subtasks, [], 'each change makes a new one');
  });

  it('keeps dependencies when a subtask is removed', () => {
    const lists = fc
      .integer({ min: 1, max: 8 })
      .chain(n =>
        fc.tuple(
          fc.tuple(
            ...Array.from({ length: n }, (_, i) =>
              fc.subarray(Array.from({ length: n }, (_, on) => on).filter(on => on !== i)),
            ),
          ),
          fc.nat(n - 1),
        ),
      );
    fc.assert(
      fc.property(lists, ([dependencies, removed]) => {
        const draft = { ...EMPTY_DRAFT, subtasks: dependencies.map((on, i) => subtask(`${i}`, ...on)) };
        const left = withoutSubtask(draft, removed).subtasks;
        const byGoal = left.map(({ goal, depends_on: after }) => [goal, after.map(on => left[on]?.goal)]);
        const expected = dependencies.flatMap((on, i) =>
          i === removed ? [] : [[`${i}`, on.filter(each => each !== removed).map(String)]],
        );
        assert.deepEqual(byGoal, expected);
      }),
      { numRuns: runs(100) },
    );
  });

  it('names the executor of each subtask in its request, whatever the fleet’s default', () => {
    const command = { ...subtask('b', 0), executor: 'shell', run: 'true' };
    const draft = {
      ...EMPTY_DRAFT,
      subtasks: [subtask('a'), command],
      losers: 'cancel',
      timeoutSecs: 60,
    } as const;
    const { subtasks, ...rest } = requestOf(draft);
    assert.deepEqual(subtasks, [
      { goal: 'a', target: 'round-robin', depends_on: [], executor: 'echo' },
      { goal: 'b', target: 'round-robin', depends_on: [0], executor: 'shell', run: 'true' },
    ]);
    assert.deepEqual([rest.join, rest.losers, rest.timeout_secs], ['all', 'cancel', 60]);
  });
});
