import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { readRange, readSubtasks } from '../../engine/client/fan-out.ts';

type Source = Pick<EngineClient, 'report'>;

interface Kept {
  readonly child: ChildDocument;
  /** The number of the query of this answer. */
  readonly asked: number;
}

interface Loading {
  readonly thread: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The subtasks that are shown now; no others are kept. The answer to an older query never replaces the answer to a
 * newer one.
 */
export class ChildStore {
  readonly #byTask = new Map<string, Map<number, Kept>>();
  readonly #loading = new Set<Loading>();
  #asked = 0;
  /** Answers to queries up to this one are dropped. */
  #cleared = 0;

  get(thread: string, index: number): ChildDocument | undefined {
    return this.#byTask.get(thread)?.get(index)?.child;
  }

  /** Yields every kept subtask that runs. */
  *running(): Generator<{ readonly thread: string; readonly child: ChildDocument }> {
    for (const [thread, children] of this.#byTask)
      for (const { child } of children.values()) if (child.state === 'running') yield { thread, child };
  }

  /** Returns every kept subtask that has not ended, by its task. */
  open(): Map<string, Set<number>> {
    const all = new Map<string, Set<number>>();
    for (const [thread, children] of this.#byTask) {
      const open = [...children.values()].filter(({ child }) => child.state !== 'done');
      if (open.length > 0) all.set(thread, new Set(open.map(({ child }) => child.index)));
    }
    return all;
  }

  /** Keeps the subtasks from `from` up to, but not including, `to`. Kept subtasks are already up to date. */
  async load(engine: Source, thread: string, from: number, to: number): Promise<void> {
    if (this.#hasAll(thread, from, to)) return;
    const asked = ++this.#asked;
    const loading: Loading = { thread, from, to };
    this.#loading.add(loading);
    try {
      for await (const page of readRange(engine, thread, from, to))
        for (const child of page) this.#keep(thread, child, asked);
    } finally {
      this.#loading.delete(loading);
    }
  }

  /**
   * Reads those subtasks again that are kept, or are being read for the first time.
   * @param changed the subtasks that changed; undefined for all
   * @returns the indices of the subtasks that were read
   */
  async refresh(
    engine: Source,
    thread: string,
    changed: ReadonlySet<number> | undefined,
  ): Promise<readonly number[]> {
    const known = [...(this.#byTask.get(thread)?.keys() ?? [])];
    const wanted =
      changed === undefined ? known : [...changed].filter(index => this.#isWanted(thread, index));
    const asked = ++this.#asked;
    for await (const page of readSubtasks(engine, thread, wanted))
      for (const child of page) if (this.#isWanted(thread, child.index)) this.#keep(thread, child, asked);
    return wanted;
  }

  /** Forgets the subtasks from `from` up to, but not including, `to`. */
  forget(thread: string, from: number, to: number): void {
    const kept = this.#byTask.get(thread);
    for (let index = from; index < to; index++) kept?.delete(index);
  }

  clear(): void {
    this.#byTask.clear();
    this.#cleared = this.#asked;
  }

  #keep(thread: string, child: ChildDocument, asked: number): void {
    const kept = this.#byTask.get(thread) ?? new Map<number, Kept>();
    if (asked <= Math.max(this.#cleared, kept.get(child.index)?.asked ?? 0)) return;
    kept.set(child.index, { child, asked });
    this.#byTask.set(thread, kept);
  }

  #isWanted(thread: string, index: number): boolean {
    if (this.#byTask.get(thread)?.has(index) === true) return true;
    for (const each of this.#loading)
      if (each.thread === thread && each.from <= index && index < each.to) return true;
    return false;
  }

  #hasAll(thread: string, from: number, to: number): boolean {
    const kept = this.#byTask.get(thread);
    for (let index = from; index < to; index++) if (kept?.has(index) !== true) return false;
    return true;
  }
}
