import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { runs } from './runs.ts';

describe('the runs of a randomised test', () => {
  it('are its sample, times the environment’s factor', () => {
    assert.equal(runs(100, {}), 100);
    assert.equal(runs(100, { SPL_TEST_RUNS: '20' }), 2_000);
  });

  it('are refused unless the factor is a whole number from 1', () => {
    for (const wrong of ['', 'many', '0', '-1', '0.5', 'Infinity'])
      assert.throws(() => runs(100, { SPL_TEST_RUNS: wrong }), new RegExp(`SPL_TEST_RUNS='${wrong}'`));
  });
});
