/** A source of time that never falls. */
export interface Clock {
  /** Milliseconds since 1970, with fractions. */
  now(): number;
}

/**
 * Wall time at the start, and from then on as much later as a monotonic clock has moved: a wall clock that is set
 * back, or jumps ahead, in mid-run moves nothing.
 * @param floor the time of the log's last record: this run does not begin before it, even if the wall clock does.
 */
export function risingClock(floor = 0): Clock {
  const begin = performance.now();
  const wall = Math.max(Date.now(), floor);
  return { now: () => wall + (performance.now() - begin) };
}
