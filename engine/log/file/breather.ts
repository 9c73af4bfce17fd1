import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';

/** Long work gives the event loop a turn after this many milliseconds. */
const STRETCH_MS = 12;
/** Looking at the clock costs about as much as a step of the work; so it is done at every eighth only. */
const STEPS_PER_LOOK = 8;

/** Breaks long work into stretches, so that whatever else the process does goes on meanwhile. */
export class Breather {
  #since = performance.now();
  #steps = 0;

  /** Counts a step of the work. @returns true when it is time to `rest`. */
  due(): boolean {
    if (++this.#steps % STEPS_PER_LOOK !== 0) return false;
    return performance.now() - this.#since >= STRETCH_MS;
  }

  async rest(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}
