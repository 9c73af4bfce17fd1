import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { INVARIANTS } from './invariants.ts';
import { violationOf } from './kills.ts';
import { MUTANTS } from './mutants.ts';
import { simulate } from './simulation.ts';

const PIN_COMMAND = 'npx tsx test/simulation/pin-seeds.ts';

describe('a fault in the rules', () => {
  for (const mutant of MUTANTS) {
    const { name, seed, caughtBy } = mutant;
    it(`is noticed: ${name} (${caughtBy.join(' or ')})`, () => {
      const invariant = violationOf(mutant, seed)?.invariant;
      assert.ok(
        invariant !== undefined && caughtBy.includes(invariant),
        `seed ${seed} shows ${invariant ?? 'nothing'}. To pin a seed that shows ${caughtBy.join(' or ')}:\n  ${PIN_COMMAND}`,
      );
    });
  }

  it('is absent from the real rules: they keep every invariant with these seeds', () => {
    for (const seed of new Set(MUTANTS.map(({ seed }) => seed))) simulate(seed);
  });

  it('can be noticed by every invariant', () => {
    const shown = new Set(MUTANTS.map(({ caughtBy }) => caughtBy[0]));
    assert.deepEqual([...shown].sort(), Object.keys(INVARIANTS).sort());
  });
});
