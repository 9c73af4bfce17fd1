import { setImmediate } from 'node:timers/promises';

/** Longest stretch of synchronous work, in milliseconds. */
const SLICE_MS = 12;
/** Reading the clock costs about as much as one step of the work, so only every eighth step reads it. */
const STEPS_PER_READING = 8;

/**
 * Yields to the event loop every 12 ms of long synchronous work: `if (slice.isOver()) await slice.yieldToEventLoop()`.
 * The question is apart from the waiting, because an `await` in each step costs more than the step.
 */
export class WorkSlice {
  #began = performance.now();
  #steps = 0;

  /** Counts a step of the work. @returns true when it is time to yield. */
  isOver(): boolean {
    if (++this.#steps % STEPS_PER_READING !== 0) return false;
    return performance.now() - this.#began >= SLICE_MS;
  }

  async yieldToEventLoop(): Promise<void> {
    await setImmediate();
    this.#began = performance.now();
  }
}

/** `items.map(each)` that yields to the event loop every 12 ms. A short list is mapped at once. */
export async function mapYielding<T, U>(
  items: readonly T[],
  each: (item: T, index: number) => U,
): Promise<U[]> {
  const mapped: U[] = [];
  const slice = new WorkSlice();
  for (const [i, item] of items.entries()) {
    mapped.push(each(item, i));
    if (slice.isOver()) await slice.yieldToEventLoop();
  }
  return mapped;
}
