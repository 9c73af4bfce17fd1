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
