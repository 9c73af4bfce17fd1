import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { memento } from '../testing/editor.ts';
import { PlanRuns } from './plan-runs.ts';

describe('the last runs of plans', () => {
  it('are remembered for each plan', async () => {
    const kept = memento();
    const runs = new PlanRuns(kept);
    const told: string[] = [];
    runs.onDidRun(uri => told.push(uri));
    assert.equal(runs.threadOf('file:///a'), undefined);
    await runs.note('file:///a', 'th_1');
    await runs.note('file:///b', 'th_2');
    await runs.note('file:///a', 'th_3');
    assert.deepEqual([runs.threadOf('file:///a'), runs.threadOf('file:///b')], ['th_3', 'th_2']);
    assert.deepEqual(told, ['file:///a', 'file:///b', 'file:///a']);
    assert.equal(new PlanRuns(kept).threadOf('file:///a'), 'th_3', 'also in the next window');
  });

  it('are kept for the hundred plans that were run last', async () => {
    const runs = new PlanRuns(memento());
    for (let i = 0; i < 101; i++) await runs.note(`file:///${i}`, 'th');
    assert.deepEqual([runs.threadOf('file:///0'), runs.threadOf('file:///1')], [undefined, 'th']);
  });

  it('are none if the stored value is invalid', async () => {
    const kept = memento();
    for (const garbage of [42, null, [{ uri: 'file:///a' }], { uri: 'file:///a', thread: 'th' }]) {
      await kept.update('fleet.planRuns', garbage);
      const runs = new PlanRuns(kept);
      assert.equal(runs.threadOf('file:///a'), undefined);
      await runs.note('file:///a', 'th');
      assert.equal(runs.threadOf('file:///a'), 'th');
    }
  });
});
