import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { child, done, pending, running } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import type { Outline } from '../../engine/language/protocol.ts';
import { statesOf, type State } from './states.ts';

type Written = NonNullable<Outline>['subtasks'][number];
const written = (names: readonly (string | null)[]): Written => ({
  name: null,
  start: { line: 0, character: 0 },
  nameEnd: { line: 0, character: 0 },
  names: [...names],
  indices: [],
});

/** Returns the states of a plan with subtasks of these names, some of which were part of its last run. */
function statesIn(
  names: readonly (readonly (string | null)[])[],
  children: readonly ChildDocument[],
): Promise<ReadonlyMap<number, State>> {
  const outline = { version: 1, isSound: true, namespace: null, subtasks: names.map(written) };
  return statesOf({ lastChildren: async () => children, outline: () => outline }, undefined as never);
}

describe('the states of a plan’s subtasks', () => {
  it('show if nothing was run', async () => {
    const states = await statesIn([['a']], [{ ...done(0), name: 'a', executor: 'echo' }]);
    assert.equal(states.get(0)?.text, '✓ passed · 1s · echo: nothing was run');
  });

  it('show the present or last state of each', async () => {
    const states = await statesIn(
      [['a'], ['b'], ['c'], ['d'], ['e']],
      [
        { ...done(0), name: 'a' },
        { ...done(1, 'failed'), name: 'b' },
        { ...running(2), name: 'c' },
        { ...pending(3), name: 'd' },
        { ...done(4, 'cancelled'), name: 'e' },
      ],
    );
    assert.deepEqual(
      [...states.values()].map(({ tone, text }) => [tone, text]),
      [
        ['accepted', '✓ passed · 1s'],
        ['failed', '✗ failed · 1s'],
        ['running', '● running on worker-a'],
        ['pending', '○ waiting'],
        ['skipped', '» cancelled · 1s'],
      ],
    );
  });

  it('show an unneeded follow-up as skipped, and not as failed', async () => {
    const states = await statesIn([['a']], [{ ...done(0), name: 'a', when: 'failed', verdict: 'skipped' }]);
    assert.equal(states.get(0)?.tone, 'skipped');
    assert.match(states.get(0)?.text ?? '', /^» not needed/);
  });

  it('count those of a matrix, and look like the most important one', async () => {
    const of = async (...children: readonly ChildDocument[]): Promise<State | undefined> => {
      const named = children.map((each, i) => ({ ...each, name: `test-${i}` }));
      return (await statesIn([named.map(({ name }) => name)], named)).get(0);
    };
    assert.deepEqual(await of(done(0), done(1)), { tone: 'accepted', text: '2 ✓' });
    assert.deepEqual(await of(done(0), pending(1)), { tone: 'pending', text: '1 ✓  1 ○' });
    assert.deepEqual(await of(pending(0), running(1)), { tone: 'running', text: '1 ●  1 ○' });
    assert.deepEqual(await of(running(0), done(1, 'failed')), { tone: 'failed', text: '1 ✗  1 ●' });
  });

  it('are found by name, whatever the run left out', async () => {
    const states = await statesIn([['a'], [null], ['c']], [{ ...done(0), name: 'c' }]);
    assert.deepEqual([...states.keys()], [2]);
  });

  it('are found by goal if a subtask has no name', async () => {
    const states = await statesIn([['Draft']], [child({ name: null, goal: 'Draft' })]);
    assert.equal(states.get(0)?.tone, 'accepted');
  });

  it('are none without a run', async () => {
    assert.equal((await statesIn([['a']], [])).size, 0);
  });
});
