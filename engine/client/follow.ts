import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent, WatchOptions } from '../contract/engine.ts';
import { linkedController } from '../contract/linked-controller.ts';
import type { Engine } from '../operations/engine.ts';

/** The changes of a fleet since they were read last. */
export interface Changed {
  /** True where events may have been missed: everything may have changed. */
  readonly all: boolean;
  /** True when a namespace is new, gone or different. */
  readonly namespaces: boolean;
  /** The tasks that are new or have changed, by thread, each with those of its subtasks that have. */
  readonly tasks: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface FollowOptions extends Pick<WatchOptions, 'thread' | 'kinds'> {
  /** The shortest time between two readings, in milliseconds: what is told meanwhile is read at once. */
  readonly intervalMs: number;
  /** Selects the changes after which it need not pass: others come one by one. */
  readonly isFlood?: (changed: Changed) => boolean;
  /** Begins with a reading of all, while the watch is still being opened. */
  readonly atOnce?: boolean;
}

/** The source of a follower's events. */
export type Watchable = Pick<Engine, 'watch'>;

/**
 * Follows an engine: yields what is to be read anew, each time that something has changed. What is told while the caller
 * reads, and until the interval is over, is gathered; nothing is asked while nothing happens. The end of the fan-out that
 * is followed waits for no interval.
 *
 * A watch begins with a gap, so that the first change is `all`. It ends with the watch, or when the signal aborts.
 * @throws what the watch throws
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
      yield { all: true, namespaces: true, tasks: new Map() };
      await gathered.pause(intervalMs);
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
 * Does work that follows something anew each time that it ends, until the signal aborts.
 * @param work its signal aborts at the end of each attempt; it calls `succeeded` when it has read something, so that what fails
 *   then is the first failure again
 * @param pauseMs returns the time until it is done again; undefined to give up
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

/** The events that came since they were asked for, each subtask once: never more than the fleet has subtasks. */
class GatheredEvents {
  readonly #thread: string | undefined;
  #all = false;
  #namespaces = false;
  #tasks = new Map<string, Set<number>>();
  #isEmpty = true;
  #end: { readonly failure: Error | undefined } | undefined;
  #wake: () => void = () => undefined;
  /** Aborted when what is gathered is to be read now. */
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

  /** There will be no more changes. The first reason counts. */
  end(failure?: Error): void {
    this.#end ??= { failure };
    this.#hurry.abort();
    this.#wake();
  }

  /** Lets events gather, unless the last one is here. */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
  }

  /** Takes what was gathered, once there is something. @returns undefined at the end. @throws what ended the events. */
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
