interface Due {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Virtual time: a queue of due events, the earliest first. Events of the same time run in the order in which they were
 * added.
 */
export class Scheduler {
  /** Milliseconds since the start of the simulation. */
  now = 0;
  readonly #heap: Due[] = [];
  #order = 0;

  at(time: number, run: () => void): void {
    this.#push({ time: Math.max(time, this.now), order: this.#order++, run });
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.now + delayMs, run);
  }

  /** Runs the next due event, unless it is after `until`. @returns false if none is due by then */
  next(until: number): boolean {
    const due = this.#heap[0];
    if (due === undefined || due.time > until) {
      this.now = Math.max(this.now, until);
      return false;
    }
    this.#pop();
    this.now = due.time;
    due.run();
    return true;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.push(due) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(due, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
