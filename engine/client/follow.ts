import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent, WatchOptions } from '../contract/engine.ts';
import { linkedController } from '../contract/linked-controller.ts';
import type { Engine } from '../operations/engine.ts';

/** The changes of a fleet since the last reading. */
export interface Changed {
  /** True if events may have been missed: anything may have changed. */
  readonly all: boolean;
  /** True if a namespace is new, gone or different. */
  readonly namespaces: boolean;
  /** The new and changed tasks by thread, each with its changed subtasks. */
  readonly tasks: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface FollowOptions extends Pick<WatchOptions, 'thread' | 'kinds'> {
  /** The shortest time between two readings, in milliseconds. Events that arrive meanwhile are read together. */
  readonly intervalMs: number;
  /** Selects the changes that are followed by the interval. After other changes, the next reading may come at once. */
  readonly isFlood?: (changed: Changed) => boolean;
  /** Yields a reading of everything first, while the watch is still being opened. */
  readonly atOnce?: boolean;
}

/** The source of a follower's events. */
export type Watchable = Pick<Engine, 'watch'>;

/**
 * Follows an engine: yields what to read again, each time that something has changed. Gathers the events that arrive
 * while the caller reads, and until the interval is over. Sends no requests while nothing happens. The end of the
 * followed fan-out waits for no interval.
 *
 * The first change is `all`, because a watch begins with a gap. Ends with the watch, or when the signal aborts.
 * @throws the watch's errors
 */
export async function* follow(
  engine: Watchable,
  { intervalMs, isFlood = () => true, atOnce = false, ...events }: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<Changed, void, void> {
  const { controller, release } = linkedController([signal]);
  const gathered = new GatheredEvents(events.thread);
  controller.signal.addEventListener('abort', () => gathered.end(), { once: true });
  if (controller.signal.aborted) gathered.end();
  const listening = gathered.listen(engine.watch({ ...events, signal: controller.signal }));
  try {
    if (atOnce) {
      const everything = { all: true, namespaces: true, tasks: new Map() };
      yield everything;
      if (isFlood(everything)) await gathered.pause(intervalMs);
    }
    for (let changed = await gathered.next(); changed !== undefined; changed = await gathered.next()) {
      yield changed;
      if (isFlood(changed)) await gathered.pause(intervalMs);
    }
  } finally {
    controller.abort();
    release();
    await listening;
  }
}

/**
 * Repeats work that follows something, each time that it ends, until the signal aborts.
 * @param work gets a signal that aborts at the end of each attempt; calls `succeeded` when it has read something, so
 * that its next failure counts as the first again
 * @param pauseMs returns the time until the work is repeated; undefined to give up
 */
export async function keepFollowing(
  work: (attempt: AbortSignal, succeeded: () => void) => Promise<void>,
  pauseMs: (failure: unknown, failures: number) => number | undefined,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const { controller: attempt, release } = linkedController([signal]);
    let failure: unknown;
    try {
      await work(attempt.signal, () => (failures = 0));
    } catch (thrown) {
      failure = thrown;
    }
    attempt.abort();
    release();
    if (signal.aborted) return;
    failures += 1;
    const waitMs = pauseMs(failure, failures);
    if (waitMs === undefined) return;
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The events since the last reading, with each subtask once: never more entries than the fleet has subtasks. */
class GatheredEvents {
  readonly #thread: string | undefined;
  #all = false;
  #namespaces = false;
  #tasks = new Map<string, Set<number>>();
  #isEmpty = true;
  #end: { readonly failure: Error | undefined } | undefined;
  #wake: () => void = () => undefined;
  /** Aborts when the gathered events are to be read now. */
  #hurry = new AbortController();

  /** @param thread the task that is followed; undefined for a whole fleet. */
  constructor(thread: string | undefined) {
    this.#thread = thread;
  }

  /** Gathers until there are no more events. */
  async listen(events: AsyncIterable<EngineEvent>): Promise<void> {
    try {
      for await (const event of events) this.#add(event);
      this.end();
    } catch (thrown) {
      this.end(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  /** Ends the changes. Only the first reason counts. */
  end(failure?: Error): void {
    this.#end ??= { failure };
    this.#hurry.abort();
    this.#wake();
  }

  /** Lets events gather, unless the last event has arrived. */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
  }

  /**
   * Takes the gathered events, once there are any. @returns undefined at the end @throws the error that ended the
   * events
   */
  async next(): Promise<Changed | undefined> {
    while (this.#isEmpty) {
      if (this.#end?.failure !== undefined) throw this.#end.failure;
      if (this.#end !== undefined) return undefined;
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
    const taken = { all: this.#all, namespaces: this.#namespaces, tasks: this.#tasks };
    this.#all = this.#namespaces = false;
    this.#tasks = new Map();
    this.#isEmpty = true;
    if (this.#end === undefined && this.#hurry.signal.aborted) this.#hurry = new AbortController();
    return taken;
  }

  #add(event: EngineEvent): void {
    this.#isEmpty = false;
    if (event.kind === 'gap') this.#all = true;
    if (event.kind === 'gap' || event.kind === 'namespace') this.#namespaces = true;
    if (event.kind === 'task') this.#addSubtasks(event.thread, event.children);
    if (event.kind === 'task' && event.complete && event.thread === this.#thread) this.#hurry.abort();
    this.#wake();
  }

  #addSubtasks(thread: string, subtasks: readonly number[]): void {
    const known = this.#tasks.get(thread) ?? new Set();
    for (const index of subtasks) known.add(index);
    this.#tasks.set(thread, known);
  }
}
