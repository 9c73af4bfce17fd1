import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import type { Changed } from '../../engine/client/follow.ts';
import { ChildStore } from '../model/child-store.ts';
import { MAX_CHILDREN } from './last-run.ts';

/** The most runs that are kept. The runs that were asked for last are kept. */
const MAX_RUNS = 16;

/**
 * The subtasks of the runs that are shown beside their plans. Each run is read once; after that, only its changed
 * subtasks.
 */
export class RunChildren {
  readonly #store = new ChildStore();
  /** The changes since the last reading, by the thread of each run that is kept. */
  readonly #changed = new Map<string, Set<number>>();
  readonly #reading = new Map<string, Promise<void>>();

  take({ all, tasks }: Changed): void {
    if (all) return this.#clear();
    for (const [thread, indices] of tasks) for (const index of indices) this.#changed.get(thread)?.add(index);
  }

  /**
   * Returns the first 2,000 subtasks of a run, as they are now.
   * @throws the engine's errors
   */
  async of(client: EngineClient, thread: string, subtasks: number): Promise<readonly ChildDocument[]> {
    const count = Math.min(subtasks, MAX_CHILDREN);
    while (this.#reading.has(thread)) await this.#reading.get(thread);
    const reading = this.#read(client, thread, count);
    this.#reading.set(
      thread,
      reading.catch(() => undefined).finally(() => this.#reading.delete(thread)),
    );
    await reading;
    return Array.from({ length: count }, (_, index) => this.#store.get(thread, index) ?? []).flat();
  }

  async #read(client: EngineClient, thread: string, count: number): Promise<void> {
    const changed = this.#changed.get(thread) ?? new Set();
    // The run that was asked for last goes to the end.
    this.#changed.delete(thread);
    this.#changed.set(thread, new Set());
    this.#forgetOldest();
    try {
      await this.#store.load(client, thread, 0, count);
      await this.#store.refresh(client, thread, changed);
    } catch (thrown) {
      for (const index of changed) this.#changed.get(thread)?.add(index);
      throw thrown;
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#changed.keys();
    if (oldest === undefined || this.#changed.size <= MAX_RUNS) return;
    this.#changed.delete(oldest);
    this.#store.forget(oldest, 0, MAX_CHILDREN);
  }

  #clear(): void {
    this.#store.clear();
    for (const indices of this.#changed.values()) indices.clear();
  }
}
