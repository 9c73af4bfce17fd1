import { randomInt } from 'node:crypto';

/** The seeds of one run: those from `first` on, or, when somebody wants to see one again, that one alone. */
export interface Seeds {
  readonly first: number;
  readonly count: number;
}

/** Fleets that a run of all tests simulates. */
const SEEDS = 400;

/**
 * Returns the one seed that `SPL_SEED` names, else `SPL_TEST_SEEDS` seeds (default 400) from a random one on.
 * @throws Error when a variable is not a whole number that it can be.
 */
export function chooseSeeds(env: NodeJS.ProcessEnv): Seeds {
  const again = wholeNumber(env, 'SPL_SEED', 0);
  if (again !== undefined) return { first: again, count: 1 };
  return { first: freshSeed(), count: wholeNumber(env, 'SPL_TEST_SEEDS', 1) ?? SEEDS };
}

/** Draws a seed to begin with. */
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
