import type { EngineEvent, WatchOptions } from '../contract/engine.ts';
import { Watchers } from '../contract/watchers.ts';
import type { EngineClient } from './client.ts';
import type { Watchable } from './follow.ts';

/** The kinds of events on the shared stream: those that stay few under any load. */
const SHARED: readonly EngineEvent['kind'][] = ['task', 'instance', 'namespace'];

/**
 * Returns a client whose watches share one event stream of the engine. A watch for records or heartbeats, or from a
 * position, gets its own stream. Each watch begins with a gap, has its own bounded queue, and fails with the stream.
 * The stream is open while any watch is.
 */
export function sharingWatch(client: EngineClient): EngineClient {
  let stream: SharedStream | undefined;
  return {
    submit: (name, input, context) => client.submit(name, input, context),
    report: (name, input, signal) => client.report(name, input, signal),
    watch: options => {
      if (!isShared(options)) return client.watch(options);
      if (stream === undefined || stream.isOver) stream = new SharedStream(client);
      return stream.watch(options);
    },
    output: request => client.output(request),
    close: () => client.close(),
  };
}

const isShared = ({ kinds, after }: WatchOptions): boolean =>
  after === undefined && kinds !== undefined && kinds.every(kind => kind === 'gap' || SHARED.includes(kind));

class SharedStream {
  readonly #watchers = new Watchers();
  readonly #stop = new AbortController();
  #hasBegun = false;
  #failure: Error | undefined;

  constructor(engine: Watchable) {
    void this.#listen(engine);
  }

  /** True once no more events will come. */
  get isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async *watch(options: WatchOptions): AsyncGenerator<EngineEvent, void, void> {
    const events = this.#watchers.add(options);
    try {
      // Before the stream has begun, the stream's own gap is enough.
      if (this.#hasBegun) yield { kind: 'gap' };
      yield* events;
      if (this.#failure !== undefined && !options.signal.aborted) throw this.#failure;
    } finally {
      events.end();
      if (this.#watchers.size === 0) this.#stop.abort();
    }
  }

  async #listen(engine: Watchable): Promise<void> {
    try {
      for await (const event of engine.watch({ kinds: SHARED, signal: this.#stop.signal })) {
        this.#hasBegun = true;
        this.#watchers.publish(event);
      }
    } catch (thrown) {
      this.#failure = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    this.#stop.abort();
    this.#watchers.close();
  }
}
