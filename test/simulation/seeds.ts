import { randomInt } from 'node:crypto';

/** The seeds of one run: those from `first` on, or, when somebody wants to see one again, that one alone. */
export interface Seeds {
  readonly first: number;
  readonly count: number;
}

/**
 * What `SPL_SEED` asks for, else `count` seeds from a random one on.
 * @throws Error when SPL_SEED is not a whole number from 0.
 */
export function chooseSeeds(count: number, env: NodeJS.ProcessEnv): Seeds {
  const given = env['SPL_SEED'];
  if (given === undefined) return { first: randomInt(0, 2 ** 40), count };
  const first = Number(given);
  if (!Number.isSafeInteger(first) || first < 0) throw new Error(`SPL_SEED='${given}' is not a seed`);
  return { first, count: 1 };
}

/** What to type to see a seed fail again. */
export function replayCommand(seed: number): string {
  return `SPL_SEED=${seed} npx mocha --no-config --import=tsx --timeout=0 test/simulation/simulation.test.ts`;
}
