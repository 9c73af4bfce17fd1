import type { ChildDocument, JoinStatus } from '../contract/documents.ts';
import type { EngineClient } from './client.ts';
import { follow, type Changed, type FollowOptions } from './follow.ts';

/** The changes of a fan-out since the previous ones. */
export interface FanOutChange {
  /** The present status, without its `children`. */
  readonly status: JoinStatus;
  /** The subtasks that changed. After a reset, the first page of all subtasks; the other pages follow. */
  readonly changed: readonly ChildDocument[];
  /** True when earlier changes no longer count. */
  readonly reset: boolean;
}

type Reader = Pick<EngineClient, 'report'>;
type Source = Pick<EngineClient, 'report' | 'watch'>;

/** The number of subtasks per request, small enough that reading the answer does not block the event loop. */
export const PAGE = 250;
/** The shortest time between two readings, in milliseconds. */
const MIN_INTERVAL_MS = 50;

/**
 * Follows the fan-out of the task with this thread, including its subtasks, until the signal aborts. Yields the whole
 * fan-out first, then its changes. If the task has no fan-out yet, waits for one.
 * @throws the engine's errors; UNREACHABLE if it is gone
 */
export async function* followFanOut(
  engine: Source,
  thread: string,
  signal: AbortSignal,
  { atOnce = false }: Pick<FollowOptions, 'atOnce'> = {},
): AsyncGenerator<FanOutChange, void, void> {
  // Whoever reads at once follows a fan-out that has just begun, and the first change comes soon.
  const about = {
    ...({ thread, kinds: ['task'], intervalMs: MIN_INTERVAL_MS, atOnce } as const),
    isFlood: ({ all }: Changed) => !(all && atOnce),
  };
  try {
    for await (const { all, tasks } of follow(engine, about, signal)) {
      const indices = [...(tasks.get(thread) ?? [])].sort((a, b) => a - b);
      yield* all ? readAll(engine, thread, signal) : readChanged(engine, thread, indices, signal);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** Follows only the join, and not the subtasks. @throws like `followFanOut` */
export async function* followJoin(
  engine: Source,
  thread: string,
  signal: AbortSignal,
): AsyncGenerator<JoinStatus, void, void> {
  const about = { thread, kinds: ['task'], intervalMs: MIN_INTERVAL_MS } as const;
  try {
    for await (const _changed of follow(engine, about, signal)) yield statusOf(engine, thread, signal);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** Reads the whole fan-out as it is now, one page at a time. @throws the engine's errors */
export async function readFanOut(engine: Reader, task: string, signal: AbortSignal): Promise<JoinStatus> {
  const children: ChildDocument[] = [];
  let status: JoinStatus | undefined;
  for await (const page of readAll(engine, task, signal)) {
    status ??= page.status;
    children.push(...page.changed);
  }
  return { ...status!, children };
}

/** Reads any number of subtasks by their indices. @throws the engine's errors */
export async function* readSubtasks(
  engine: Reader,
  task: string,
  indices: readonly number[],
  signal?: AbortSignal,
): AsyncGenerator<readonly ChildDocument[], void, void> {
  for (let at = 0; at < indices.length; at += PAGE) {
    const input = { task, offset: 0, limit: PAGE, indices: indices.slice(at, at + PAGE) };
    yield (await engine.report('children', input, signal)).children;
  }
}

/** Reads the subtasks from `from` up to, but not including, `to`. @throws the engine's errors */
export async function* readRange(
  engine: Reader,
  task: string,
  from: number,
  to: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly ChildDocument[], void, void> {
  for (let offset = from; offset < to; offset += PAGE) {
    const input = { task, offset, limit: Math.min(PAGE, to - offset) };
    yield (await engine.report('children', input, signal)).children;
  }
}

const statusOf = (engine: Reader, task: string, signal: AbortSignal): Promise<JoinStatus> =>
  engine.report('join', { task, summary: true }, signal);

async function* readChanged(
  engine: Reader,
  thread: string,
  indices: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<FanOutChange, void, void> {
  const pages = readSubtasks(engine, thread, indices, signal);
  // Both requests are sent at once, which saves a round trip.
  const [status, first] = await Promise.all([statusOf(engine, thread, signal), pages.next()]);
  yield { status, changed: first.value ?? [], reset: false };
  for await (const changed of pages) yield { status, changed, reset: false };
}

async function* readAll(
  engine: Reader,
  task: string,
  signal: AbortSignal,
): AsyncGenerator<FanOutChange, void, void> {
  // Both requests are sent at once, which saves a round trip.
  const [status, { children: first }] = await Promise.all([
    statusOf(engine, task, signal),
    engine.report('children', { task, offset: 0, limit: PAGE }, signal),
  ]);
  yield { status, changed: first, reset: true };
  for await (const changed of readRange(engine, task, first.length, status.subtasks, signal))
    yield { status, changed, reset: false };
}
