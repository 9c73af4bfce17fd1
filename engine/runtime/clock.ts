/** A source of time that never goes back. */
export interface Clock {
  /** Returns milliseconds since 1970, with fractions. */
  now(): number;
}

/**
 * Makes a clock that reads the wall time once and then follows a monotonic clock: setting the wall clock has no effect
 * on it.
 * @param floor the time of the log's last record, before which the clock does not start
 */
export function risingClock(floor = 0): Clock {
  const begin = performance.now();
  const wall = Math.max(Date.now(), floor);
  return { now: () => wall + (performance.now() - begin) };
}
