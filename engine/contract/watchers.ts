import type { EngineEvent, WatchOptions } from './engine.ts';

/**
 * The maximum number of events that wait for a slow watcher. One more event replaces them all with a single `gap`
 * event.
 */
const MAX_WAITING = 10_000;

/** Delivers events to watchers. A watcher that is too slow loses events and gets a `gap` event instead. */
export class Watchers {
  readonly #all = new Set<Watcher>();
  #closed = false;

  get size(): number {
    return this.#all.size;
  }

  /** Returns true when a watcher wants events of this kind; other events need not be created. */
  wants(kind: EngineEvent['kind']): boolean {
    for (const watcher of this.#all) if (watcher.wantsKind(kind)) return true;
    return false;
  }

  publish(event: EngineEvent): void {
    for (const watcher of this.#all) watcher.offer(event);
  }

  /** Starts collecting events immediately, so that none is missed before the first read. */
  add(options: WatchOptions): Watcher {
    const watcher = new Watcher(options, () => this.#all.delete(watcher));
    if (this.#closed) watcher.end();
    else if (!watcher.isEnded) this.#all.add(watcher);
    return watcher;
  }

  close(): void {
    this.#closed = true;
    for (const watcher of [...this.#all]) watcher.end();
  }
}

export class Watcher implements AsyncIterable<EngineEvent> {
  readonly #options: WatchOptions;
  readonly #onEnd: () => void;
  #waiting: EngineEvent[] = [];
  readonly #onAbort = (): void => this.end();
  #wake: (() => void) | undefined;
  #ended: boolean;

  constructor(options: WatchOptions, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    this.#ended = options.signal.aborted;
    if (!this.#ended) options.signal.addEventListener('abort', this.#onAbort);
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  offer(event: EngineEvent): void {
    if (this.#ended || !this.wants(event)) return;
    if (this.#waiting.length >= MAX_WAITING) this.#waiting = [{ kind: 'gap' }];
    else this.#waiting.push(event);
    this.#wake?.();
  }

  wantsKind(kind: EngineEvent['kind']): boolean {
    const { kinds } = this.#options;
    if (kinds === undefined) return kind !== 'heartbeat';
    return kind === 'gap' || kinds.includes(kind);
  }

  wants(event: EngineEvent): boolean {
    const { thread } = this.#options;
    if (event.kind === 'gap') return true;
    if (!this.wantsKind(event.kind)) return false;
    if (thread === undefined) return true;
    // An event without a thread may concern any thread.
    if (event.kind === 'record') return event.record.thread === thread;
    return event.kind !== 'task' || event.thread === thread;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#onEnd();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EngineEvent> {
    try {
      for (;;) {
        const batch = this.#waiting;
        this.#waiting = [];
        for (const event of batch) {
          if (this.#ended) return;
          yield event;
        }
        if (this.#ended) return;
        if (this.#waiting.length === 0) await new Promise<void>(resolve => (this.#wake = resolve));
        this.#wake = undefined;
      }
    } finally {
      this.end();
    }
  }
}
