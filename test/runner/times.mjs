import { appendFileSync, readFileSync } from 'node:fs';

/** A failure is repeated at the end of the run with as many lines of its error. */
const ERROR_LINES = 4;

/**
 * The durations and the failures of tests, collected over all processes of a run. Each process appends to the file that
 * `SPL_TEST_TIMES` names, one line of JSON per test.
 */

/** Records a duration in ms, and the error of a failed test, if the run collects them. */
export function noteTime(title, ms, error) {
  const file = process.env['SPL_TEST_TIMES'];
  if (file !== undefined) appendFileSync(file, JSON.stringify({ title, ms: Math.round(ms), error }) + '\n');
}

/** Returns what `noteTime` wrote to a file. */
export function readTimes(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
}

/** Returns the failed tests with the beginnings of their errors, as lines. */
export function failures(times) {
  return times
    .filter(({ error }) => error !== undefined)
    .flatMap(({ title, error }) => [
      `  ✗ ${title}`,
      ...error.split('\n', ERROR_LINES).map(line => `      ${line}`),
    ]);
}

/** Returns the longest durations as lines, the longest first. */
export function slowest(times, count) {
  return times
    .sort((a, b) => b.ms - a.ms)
    .slice(0, count)
    .map(({ title, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${title}`);
}
