import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { chooseSeeds, replayCommand } from './seeds.ts';
import { simulate, SimulationFailure, type Summary } from './simulation.ts';

const seeds = chooseSeeds(process.env);
/** The number of seeds per test. The name of a test shows its seeds. */
const BLOCK = 100;

describe('the simulated fleet', function () {
  this.timeout(0);

  before(() => {
    process.stdout.write(`    simulating ${seeds.count} fleets; the first seed is ${seeds.first}\n`);
  });

  for (let first = seeds.first; first < seeds.first + seeds.count; first += BLOCK) {
    const last = Math.min(first + BLOCK, seeds.first + seeds.count) - 1;
    it(`keeps its invariants with the seeds ${first} to ${last}`, () => {
      for (let seed = first; seed <= last; seed++) run(seed);
    });
  }

  it('gives the same history for the same seed', () => {
    assert.deepEqual(run(seeds.first), run(seeds.first));
  });
});

function run(seed: number): Summary {
  try {
    return simulate(seed);
  } catch (error) {
    if (error instanceof SimulationFailure)
      error.message += `\n\nTo see it again:\n  ${replayCommand(seed)}\n`;
    throw error;
  }
}
