import { follow } from '../../client/follow.ts';
import type { JoinStatus } from '../../contract/documents.ts';
import type { Client } from '../host.ts';

/** Above this many subtasks, only the counts are read while watching. */
export const MAX_FOLLOWED_CHILDREN = 500;
/** The shortest time between two readings, in milliseconds. */
const MIN_INTERVAL_MS = 100;

/**
 * Follows a join: yields its state now, and again whenever it has changed, until nothing of it runs any more. Ends
 * early, without an error, when the signal aborts.
 *
 * Reads each document as a whole, because running times and reasons to wait change without an event. Above
 * MAX_FOLLOWED_CHILDREN subtasks, the documents have no children, except the last one.
 * @throws the engine's errors
 */
export async function* followJoin(
  engine: Client,
  task: string,
  signal: AbortSignal,
): AsyncGenerator<JoinStatus> {
  const { thread, subtasks } = await engine.report('join', { task, summary: true }, signal);
  const summary = subtasks > MAX_FOLLOWED_CHILDREN;
  const about = { thread, kinds: ['record', 'task'], intervalMs: MIN_INTERVAL_MS, atOnce: true } as const;
  for await (const _changed of follow(engine, about, signal)) {
    const join = await engine.report('join', { task: thread, summary }, signal);
    yield join;
    if (!join.complete || join.under_way) continue;
    if (summary) yield engine.report('join', { task: thread, summary: false }, signal);
    return;
  }
}
