import { randomInt } from 'node:crypto';
import { it } from 'mocha';

/**
 * Returns how many runs a randomised test makes: `sample`, times `SPL_TEST_RUNS` (default 1). The sample is for a run
 * of all tests, and large enough for what the test says of its coverage; a soak makes many times as many.
 * @throws Error when `SPL_TEST_RUNS` is not a whole number from 1.
 */
export function runs(sample: number, env: NodeJS.ProcessEnv = process.env): number {
  const given = env['SPL_TEST_RUNS'] ?? '1';
  const factor = Number(given);
  if (!Number.isSafeInteger(factor) || factor < 1)
    throw new Error(`SPL_TEST_RUNS='${given}' is not a whole number from 1`);
  return sample * factor;
}

/**
 * Returns each n-th of the cases, from a random one of the first n on; all of them in a soak (`SPL_TEST_RUNS` above 1).
 * For cases that cost a process each. A failure must name its case, which is all that it takes to see it again.
 */
export function sampled<T>(cases: readonly T[], n: number): readonly T[] {
  if (runs(1) > 1) return cases;
  const first = randomInt(n);
  return cases.filter((_, index) => index % n === first);
}

/**
 * Returns what declares tests of which a run makes each n-th, from a random one of the first n on, and a soak all. For tests
 * that cost seconds each and stand beside each other, such that no change is likely to break one of them alone.
 */
export function eachNth(n: number): (title: string, body: Mocha.AsyncFunc) => void {
  const isSoak = runs(1) > 1;
  const first = randomInt(n);
  let declared = 0;
  return (title, body) => {
    if (declared++ % n === first || isSoak) it(title, body);
  };
}
