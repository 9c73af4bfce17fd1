import { randomInt } from 'node:crypto';
import { it } from 'mocha';

/**
 * Returns the number of runs of a randomised test: `sample`, times `SPL_TEST_RUNS` (default 1). The sample must be
 * large enough for the coverage that the test claims in a run of all tests; a soak makes many times as many.
 * @throws Error if `SPL_TEST_RUNS` is not a whole number from 1
 */
export function runs(sample: number, env: NodeJS.ProcessEnv = process.env): number {
  const given = env['SPL_TEST_RUNS'] ?? '1';
  const factor = Number(given);
  if (!Number.isSafeInteger(factor) || factor < 1)
    throw new Error(`SPL_TEST_RUNS='${given}' is not a whole number from 1`);
  return sample * factor;
}

/**
 * Returns each n-th case, starting at a random one of the first n; all cases in a soak (`SPL_TEST_RUNS` above 1). Use
 * it for cases that cost a process each. A failure must name its case, so that it can be repeated.
 */
export function sampled<T>(cases: readonly T[], n: number): readonly T[] {
  if (runs(1) > 1) return cases;
  const first = randomInt(n);
  return cases.filter((_, index) => index % n === first);
}

/**
 * Returns a function that declares tests. A run makes each n-th of them, starting at a random one of the first n; a
 * soak makes all. Use it for similar tests that cost seconds each, if no change is likely to break one of them alone.
 */
export function eachNth(n: number): (title: string, body: Mocha.AsyncFunc) => void {
  const isSoak = runs(1) > 1;
  const first = randomInt(n);
  let declared = 0;
  return (title, body) => {
    if (declared++ % n === first || isSoak) it(title, body);
  };
}
