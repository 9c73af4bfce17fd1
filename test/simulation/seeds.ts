import { randomInt } from 'node:crypto';

/** The seeds of one run: those from `first` on, or only the one to repeat. */
export interface Seeds {
  readonly first: number;
  readonly count: number;
}

/** The number of fleets in a run of all tests. */
const SEEDS = 400;

/**
 * Returns the one seed that `SPL_SEED` names, otherwise `SPL_TEST_SEEDS` seeds (default 400) from a random one on.
 * @throws Error if a variable is not a valid whole number
 */
export function chooseSeeds(env: NodeJS.ProcessEnv): Seeds {
  const again = wholeNumber(env, 'SPL_SEED', 0);
  if (again !== undefined) return { first: again, count: 1 };
  return { first: freshSeed(), count: wholeNumber(env, 'SPL_TEST_SEEDS', 1) ?? SEEDS };
}

/** Draws a first seed. */
export function freshSeed(): number {
  return randomInt(0, 2 ** 40);
}

/** Returns the command that simulates a seed again. */
export function replayCommand(seed: number): string {
  return `SPL_SEED=${seed} npx mocha --no-config --import=tsx --timeout=0 test/simulation/simulation.test.ts`;
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, min: number): number | undefined {
  const given = env[name];
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given === '' || !Number.isSafeInteger(value) || value < min)
    throw new Error(`${name}='${given}' is not a whole number from ${min}`);
  return value;
}
