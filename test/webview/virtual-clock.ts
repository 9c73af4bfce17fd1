interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** A clock and timers under the control of a test. */
export class VirtualClock {
  #nowMs = 0;
  #lastId = 0;
  readonly #timers = new Map<number, Timer>();

  /** Returns the milliseconds since the clock was created. */
  readonly now = (): number => this.#nowMs;

  readonly setTimeout = (run: () => void, ms = 0): number => {
    this.#lastId += 1;
    this.#timers.set(this.#lastId, { atMs: this.#nowMs + ms, run });
    return this.#lastId;
  };

  readonly clearTimeout = (id: number | undefined): void => {
    if (id !== undefined) this.#timers.delete(id);
  };

  /** The number of pending timers. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets time pass, and runs each timer when it is due. @param settle awaited after each timer */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.#nowMs + ms;
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      const [id, { atMs, run }] = next;
      this.#timers.delete(id);
      this.#nowMs = Math.max(this.#nowMs, atMs);
      run();
      await settle();
    }
    this.#nowMs = end;
  }

  #nextUntil(end: number): [number, Timer] | undefined {
    const due = [...this.#timers].filter(([, { atMs }]) => atMs <= end);
    return due.sort(([, a], [, b]) => a.atMs - b.atMs)[0];
  }
}
