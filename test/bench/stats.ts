import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Spread } from './figure.ts';

/** Returns the value below which the share `p`, from 0 to 1, of at least one value lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    runs: values.length,
  };
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** The resolution of the event loop's delay, in ms. Smaller delays are not distinguishable from none. */
const RESOLUTION_MS = 1;

/**
 * Returns the longest time for which work blocked this process's event loop, in ms. It includes the machine's own
 * delays.
 */
export async function longestStretchMs(work: () => Promise<unknown>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  await work();
  delays.disable();
  return Math.max(RESOLUTION_MS, delays.max / 1e6);
}
