import type { Clock } from '../clock.ts';

/** The age, in ms, after which a value is not shared any more. */
const MAX_AGE_MS = 1000;

/** Shares values that take time to compute between attempts. */
export class Sharing<T> {
  readonly #clock: Clock;
  readonly #values = new Map<string, { readonly begun: number; readonly value: Promise<T> }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns a value whose computation began after `since` and at most a second ago.
   * @param since by the clock, in ms: everything before it must be seen
   */
  get(key: string, since: number, compute: () => Promise<T>): Promise<T> {
    const now = this.#clock.now();
    const known = this.#values.get(key);
    if (known !== undefined && known.begun >= since && now - known.begun <= MAX_AGE_MS) return known.value;
    this.#values.delete(key);
    // The oldest are first.
    for (const [other, { begun }] of this.#values) {
      if (now - begun <= MAX_AGE_MS) break;
      this.#values.delete(other);
    }
    const value = compute();
    this.#values.set(key, { begun: now, value });
    return value;
  }
}
