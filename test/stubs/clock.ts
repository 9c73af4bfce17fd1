/** A timer as its owner sees it. */
class Timer {
  readonly #forget: (timer: Timer) => void;
  readonly call: () => void;
  /** Null for a timer that fires once. */
  readonly everyMs: number | null;
  at: number;

  constructor(call: () => void, at: number, everyMs: number | null, forget: (timer: Timer) => void) {
    this.call = call;
    this.at = at;
    this.everyMs = everyMs;
    this.#forget = forget;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  close(): void {
    this.#forget(this);
  }
}

/**
 * Replaces the global timers with timers that a test fires, until `restore`. Code that imports its timers still uses
 * real time.
 */
export class Clock {
  readonly #real = { setTimeout, setInterval, clearTimeout, clearInterval };
  readonly #timers = new Set<Timer>();
  #now = 0;

  constructor() {
    const set = (every: boolean) => (call: () => void, ms?: number) => this.#set(call, ms ?? 0, every);
    const clear = (timer: unknown): void => void this.#timers.delete(timer as Timer);
    const fake = {
      setTimeout: set(false),
      setInterval: set(true),
      clearTimeout: clear,
      clearInterval: clear,
    };
    Object.assign(globalThis, fake);
  }

  /** The number of pending timers. */
  get size(): number {
    return this.#timers.size;
  }

  /** Lets time pass. Each timer fires in its turn. */
  pass(ms: number): void {
    const until = this.#now + ms;
    for (let due = this.#first(until); due !== undefined; due = this.#first(until)) {
      this.#now = due.at;
      if (due.everyMs === null) this.#timers.delete(due);
      else due.at += Math.max(1, due.everyMs);
      due.call();
    }
    this.#now = until;
  }

  restore(): void {
    Object.assign(globalThis, this.#real);
  }

  #set(call: () => void, ms: number, every: boolean): Timer {
    const timer = new Timer(call, this.#now + ms, every ? ms : null, each => this.#timers.delete(each));
    this.#timers.add(timer);
    return timer;
  }

  #first(until: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
  }
}
