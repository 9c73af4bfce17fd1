import { setImmediate as turn } from 'node:timers/promises';

/** The time that is spent on a long list before yielding, in milliseconds. */
const SLICE_MS = 10;

/** `items.map(each)`, in slices, so that the event loop is not held by a long list. A short one waits for nothing. */
export async function mapInSlices<T, U>(
  items: readonly T[],
  each: (item: T, index: number) => U,
): Promise<U[]> {
  const mapped: U[] = [];
  let began = performance.now();
  for (const [i, item] of items.entries()) {
    mapped.push(each(item, i));
    if (performance.now() - began < SLICE_MS) continue;
    await turn();
    began = performance.now();
  }
  return mapped;
}
