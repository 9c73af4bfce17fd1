import { linkedController } from '../../engine/contract/linked-controller.ts';
import { Changes } from '../../engine/client/changes.ts';
import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';

/** The changes of a fan-out since the last report. */
export interface FanOutChange {
  /** As it is now; its `children` are left out. */
  readonly status: JoinStatus;
  /** The subtasks that changed, or, after a reset, the first page of all; the others follow. */
  readonly changed: readonly ChildDocument[];
  /** True when earlier changes no longer count. */
  readonly reset: boolean;
}

type Source = Pick<EngineClient, 'report' | 'watch'>;

/** The number of subtasks in one request: few enough that reading the answer does not block the event loop. */
export const PAGE = 250;
/** The shortest time between two readings, in milliseconds. */
const MIN_INTERVAL_MS = 50;

/**
 * Follows the fan-out of the task with this thread, its subtasks included, until the signal aborts: all of it first, then
 * what changes. A task that has none yet is followed until it has one.
 * @throws what the engine throws, UNREACHABLE when it is gone.
 */
export async function followFanOut(
  engine: Source,
  thread: string,
  onChange: (change: FanOutChange) => void,
  signal: AbortSignal,
): Promise<void> {
  const { controller: stopped, release } = linkedController([signal]);
  const stop = stopped.signal;
  const changes = new Changes();
  const dirty = new DirtySubtasks();
  const listening = changes.noteAll(engine.watch({ thread, kinds: ['task'], signal: stop }), event => {
    if (event.kind === 'gap') dirty.addAll();
    else if (event.kind === 'task') dirty.add(event.children);
    return event.kind === 'task' && event.complete;
  });
  try {
    // It begins with a gap, at which all is read.
    while (await changes.next()) {
      await read(engine, thread, dirty, onChange, stop);
      await changes.settle(MIN_INTERVAL_MS);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    stopped.abort();
    release();
    await listening;
  }
}

/** The whole fan-out as it is now, read a page at a time. @throws what the engine throws */
export async function readFanOut(
  engine: Pick<EngineClient, 'report'>,
  task: string,
  signal: AbortSignal,
): Promise<JoinStatus> {
  const status = await engine.report('join', { task, summary: true }, signal);
  const children: ChildDocument[] = [];
  for (let offset = 0; offset < status.subtasks; offset += PAGE)
    children.push(...(await subtasks(engine, task, { offset, limit: PAGE }, signal)));
  return { ...status, children };
}

async function read(
  engine: Source,
  thread: string,
  dirty: DirtySubtasks,
  onChange: (change: FanOutChange) => void,
  signal: AbortSignal,
): Promise<void> {
  const { all, indices } = dirty.take();
  const reading = engine.report('join', { task: thread, summary: true }, signal);
  if (all) return readAll(engine, await reading, onChange, signal);
  let first = true;
  for (let at = 0; first || at < indices.length; at += PAGE) {
    const page = indices.slice(at, at + PAGE);
    const changes = page.length === 0 ? [] : subtasks(engine, thread, { indices: page }, signal);
    // Both are asked for at once: a change is shown a way there and back sooner.
    const [status, changed] = await Promise.all([reading, changes]);
    onChange({ status, changed, reset: false });
    first = false;
  }
}

async function readAll(
  engine: Source,
  status: JoinStatus,
  onChange: (change: FanOutChange) => void,
  signal: AbortSignal,
): Promise<void> {
  let offset = 0;
  do {
    const page =
      status.subtasks === 0 ? [] : await subtasks(engine, status.thread, { offset, limit: PAGE }, signal);
    onChange({ status, changed: page, reset: offset === 0 });
    offset += PAGE;
  } while (offset < status.subtasks);
}

async function subtasks(
  engine: Pick<EngineClient, 'report'>,
  task: string,
  which: { readonly indices: readonly number[] } | { readonly offset: number; readonly limit: number },
  signal: AbortSignal,
): Promise<readonly ChildDocument[]> {
  const input = 'indices' in which ? { ...which, offset: 0, limit: PAGE } : which;
  return (await engine.report('children', { task, ...input }, signal)).children;
}

/** The subtasks that must be read anew. */
class DirtySubtasks {
  #all = false;
  #indices = new Set<number>();

  addAll(): void {
    this.#all = true;
    this.#indices.clear();
  }

  add(indices: readonly number[]): void {
    if (!this.#all) for (const index of indices) this.#indices.add(index);
  }

  take(): { readonly all: boolean; readonly indices: readonly number[] } {
    const taken = { all: this.#all, indices: [...this.#indices].sort((a, b) => a - b) };
    this.#all = false;
    this.#indices = new Set();
    return taken;
  }
}
