import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { resolveSubtask, resolveSubtasks } from './subtask-refs.ts';
import { TestFleet } from '../testing/test-fleet.ts';

describe('a reference to subtasks', () => {
  const { task } = new TestFleet().fanOut(['lint', '1', 'test-*', 'test-a', null].map(name => ({ name })));
  const meant = (...refs: (string | number)[]): readonly number[] =>
    resolveSubtasks(task, refs).map(({ index }) => index);

  it('is a name, an index, or a pattern, with this precedence', () => {
    assert.deepEqual(meant('lint'), [0]);
    assert.deepEqual(meant(1), [1]);
    assert.deepEqual(meant('1'), [1], 'its name');
    assert.deepEqual(meant('4'), [4], 'its index');
    assert.deepEqual(meant('test-*'), [2], 'its name, which looks like a pattern');
    assert.deepEqual(meant('t*t-*'), [2, 3]);
    assert.deepEqual(meant('test-a', 'lint', 3), [0, 3], 'each once, by index');
  });

  it('is refused when it matches nothing, or several where one is required', () => {
    assert.throws(() => meant('lnit'), { code: 'NOT_FOUND', message: /'lnit' \(did you mean 'lint'\?\)/ });
    assert.throws(() => meant('x*'), { code: 'NOT_FOUND' });
    assert.throws(() => meant('9'), { code: 'NOT_FOUND', message: /it has 5, counted from 0/ });
    assert.throws(() => resolveSubtask(task, 't*t-*'), { code: 'CONFLICT', message: /means 2 subtasks/ });
    const bare = new TestFleet().addTask();
    assert.throws(() => resolveSubtasks(bare, [0]), { code: 'NOT_FOUND', message: /it has no fan-out/ });
  });
});
