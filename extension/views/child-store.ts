import type { EngineClient } from '../../engine/api/client.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { PAGE } from '../model/follow-fan-out.ts';

type Source = Pick<EngineClient, 'report'>;

/** The subtasks that a tree shows now. What is not shown is not kept, however many there are. */
export class ChildStore {
  readonly #byTask = new Map<string, Map<number, ChildDocument>>();

  get(thread: string, index: number): ChildDocument | undefined {
    return this.#byTask.get(thread)?.get(index);
  }

  /** Every subtask that is kept and runs. */
  *running(): Generator<{ readonly thread: string; readonly child: ChildDocument }> {
    for (const [thread, children] of this.#byTask)
      for (const child of children.values()) if (child.state === 'running') yield { thread, child };
  }

  /** Every subtask that is kept and has not ended, by its task. */
  open(): Map<string, Set<number>> {
    const all = new Map<string, Set<number>>();
    for (const [thread, children] of this.#byTask) {
      const open = [...children.values()].filter(({ state }) => state !== 'done');
      if (open.length > 0) all.set(thread, new Set(open.map(({ index }) => index)));
    }
    return all;
  }

  /** Keeps the subtasks `from` to `to`, the latter excluded; those that are kept already are up to date. */
  async load(engine: Source, thread: string, from: number, to: number): Promise<void> {
    if (this.#hasAll(thread, from, to)) return;
    const limit = Math.max(1, Math.min(PAGE, to - from));
    const { children } = await engine.report('children', { task: thread, offset: from, limit });
    const kept = this.#byTask.get(thread) ?? new Map<number, ChildDocument>();
    for (const child of children) kept.set(child.index, child);
    this.#byTask.set(thread, kept);
  }

  /**
   * Reads those of the subtasks that are kept anew.
   * @param changed undefined for all
   * @returns the indices of what was read
   */
  async refresh(
    engine: Source,
    thread: string,
    changed: ReadonlySet<number> | undefined,
  ): Promise<readonly number[]> {
    const kept = this.#byTask.get(thread);
    if (kept === undefined) return [];
    const wanted = [...kept.keys()].filter(index => changed === undefined || changed.has(index));
    for (let at = 0; at < wanted.length; at += PAGE) {
      const indices = wanted.slice(at, at + PAGE);
      const { children } = await engine.report('children', { task: thread, offset: 0, limit: PAGE, indices });
      for (const child of children) if (kept.has(child.index)) kept.set(child.index, child);
    }
    return wanted;
  }

  /** Forgets the subtasks `from` to `to`, the latter excluded. */
  forget(thread: string, from: number, to: number): void {
    const kept = this.#byTask.get(thread);
    for (let index = from; index < to; index++) kept?.delete(index);
  }

  clear(): void {
    this.#byTask.clear();
  }

  #hasAll(thread: string, from: number, to: number): boolean {
    const kept = this.#byTask.get(thread);
    for (let index = from; index < to; index++) if (kept?.has(index) !== true) return false;
    return true;
  }
}
