import { appendFileSync, readFileSync } from 'node:fs';

/**
 * The durations of tests, collected over all processes of a run. Each process appends to the file that `SPL_TEST_TIMES`
 * names, one line of JSON per test.
 */

/** Records a duration in ms, if the run collects them. */
export function noteTime(title, ms) {
  const file = process.env['SPL_TEST_TIMES'];
  if (file !== undefined) appendFileSync(file, JSON.stringify({ title, ms: Math.round(ms) }) + '\n');
}

/** Returns the longest durations from a file of `noteTime`, as lines, the longest first. */
export function slowest(file, count) {
  const times = readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
  return times
    .sort((a, b) => b.ms - a.ms)
    .slice(0, count)
    .map(({ title, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${title}`);
}
