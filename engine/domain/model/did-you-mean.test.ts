import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { didYouMean, nearestName } from './did-you-mean.ts';

const KEYS = ['goal', 'name', 'target', 'run', 'executor', 'dir', 'budget_usd', 'timeout_secs', 'depends_on'];

describe('nearestName', () => {
  for (const [word, expected] of [
    ['gaol', 'goal'],
    ['goals', 'goal'],
    ['Goal', 'goal'],
    ['tagret', 'target'],
    ['exectuor', 'executor'],
    ['depend_on', 'depends_on'],
    ['dependson', 'depends_on'],
    ['rum', 'run'],
    ['timeout', 'timeout_secs'],
    ['budget', 'budget_usd'],
  ] as const) {
    it(`suggests '${expected}' for '${word}'`, () => assert.equal(nearestName(word, KEYS), expected));
  }

  for (const word of ['', 'x', 'colour', 'xyz', 'priority']) {
    it(`suggests nothing for '${word}'`, () => assert.equal(nearestName(word, KEYS), undefined));
  }

  it('does not choose between two names that begin alike', () => {
    assert.equal(nearestName('time', ['timeout_secs', 'time_limit_secs']), undefined);
  });

  it('prefers the nearer of two', () => {
    assert.equal(nearestName('tested', ['testing', 'rested', 'tester']), 'rested');
    assert.equal(nearestName('acepted', ['rejected', 'accepted']), 'accepted');
  });

  it('finds any name despite one typo: a letter missing, doubled, or swapped with its neighbour', () => {
    const name = fc.stringMatching(/^[a-z]{4,20}$/);
    fc.assert(
      fc.property(name, fc.nat(), fc.constantFrom('lost', 'doubled', 'swapped'), (right, seed, slip) => {
        const i = seed % (right.length - 1);
        const word = {
          lost: right.slice(0, i) + right.slice(i + 1),
          doubled: right.slice(0, i) + right[i]! + right.slice(i),
          swapped: right.slice(0, i) + right[i + 1]! + right[i]! + right.slice(i + 2),
        }[slip];
        assert.equal(nearestName(word, ['0123456789', right]), right);
      }),
      { numRuns: runs(100) },
    );
  });
});

describe('didYouMean', () => {
  it('suggests a near name in words', () =>
    assert.equal(didYouMean('gaol', KEYS), " (did you mean 'goal'?)"));
  it('suggests nothing when no name is near', () => assert.equal(didYouMean('colour', KEYS), ''));
});
