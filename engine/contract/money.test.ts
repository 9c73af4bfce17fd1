import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { sumUsd } from './money.ts';

describe('a sum of money', () => {
  it('is decimal: three times $0.10 is $0.30', () => {
    assert.equal(sumUsd([0.1, 0.1, 0.1]), 0.3);
    assert.equal(sumUsd([0.7, 0.1, -0.8]), 0);
    assert.equal(sumUsd([]), 0);
  });

  it('is exact for any number of amounts in any order', () => {
    const cents = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(cents, amounts => {
        const whole = amounts.reduce((sum, each) => sum + each, 0);
        assert.equal(sumUsd(amounts.map(each => each / 100)), whole / 100);
        assert.equal(sumUsd(amounts.map(each => each / 100).reverse()), whole / 100);
      }),
      { numRuns: runs(200) },
    );
  });
});
