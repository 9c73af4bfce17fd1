import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { childRows, idOf, parentOf, RANGE, rowsBelowTask, type Node } from './nodes.ts';

/** Returns all rows below a task, each once. */
function all(subtasks: number): readonly Node[] {
  return rowsBelowTask('th', subtasks).flatMap(row =>
    row.kind === 'range' ? [row, ...childRows('th', row.from, row.to)] : [row],
  );
}

describe('the rows of fan-outs', () => {
  it('are ranges for many subtasks, which contain each subtask once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), subtasks => {
        const rows = all(subtasks);
        const indices = rows.flatMap(row => (row.kind === 'child' ? [row.index] : []));
        assert.deepEqual(
          indices,
          Array.from({ length: subtasks }, (_, i) => i),
        );
        assert.equal(
          rows.some(({ kind }) => kind === 'range'),
          subtasks > RANGE,
        );
        assert.equal(new Set(rows.map(idOf)).size, rows.length, 'each has an id of its own');
      }),
      { numRuns: runs(30) },
    );
  });

  it('are below the row that contains them', () => {
    for (const subtasks of [RANGE, RANGE + 1, 250]) {
      const parent = (node: Node): Node | undefined => parentOf(node, () => subtasks);
      for (const row of rowsBelowTask('th', subtasks)) {
        assert.deepEqual(parent(row), { kind: 'task', thread: 'th' });
        if (row.kind !== 'range') continue;
        for (const child of childRows('th', row.from, row.to)) assert.deepEqual(parent(child), row);
      }
    }
    const attempt: Node = { kind: 'attempt', thread: 'th', index: 3, attempt: 1 };
    assert.deepEqual(
      parentOf(attempt, () => 9),
      { kind: 'child', thread: 'th', index: 3 },
    );
    assert.equal(
      parentOf({ kind: 'task', thread: 'th' }, () => 9),
      undefined,
    );
  });
});
