import { appendFileSync, readFileSync } from 'node:fs';

/**
 * Durations of tests, gathered over all processes of a run: each appends to the file that `SPL_TEST_TIMES` names, a line
 * of JSON for each test.
 */

/** Notes a duration in ms, where the run gathers any. */
export function noteTime(title, ms) {
  const file = process.env['SPL_TEST_TIMES'];
  if (file !== undefined) appendFileSync(file, JSON.stringify({ title, ms: Math.round(ms) }) + '\n');
}

/** Returns the longest durations of a file that `noteTime` wrote, as lines, the longest first. */
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
