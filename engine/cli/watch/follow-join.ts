import { Changes } from '../../client/changes.ts';
import type { JoinStatus } from '../../contract/documents.ts';
import { linkedController } from '../../contract/linked-controller.ts';
import type { Client } from '../host.ts';

/** Above this many subtasks, only the counts are read while watching. */
export const MAX_FOLLOWED_CHILDREN = 500;
/** The shortest time between two readings, in milliseconds: what happens meanwhile is read at once. */
const MIN_INTERVAL_MS = 100;

/**
 * Tells how a join goes: its state now, and anew whenever something of it has changed, until nothing of it runs any more.
 * The changes are told by the engine; nothing is asked while nothing happens.
 * Above MAX_FOLLOWED_CHILDREN subtasks the documents have no children, the last one excepted.
 * @throws what the engine throws; ends early, without an error, when the signal aborts.
 */
export async function* followJoin(
  engine: Client,
  task: string,
  signal: AbortSignal,
): AsyncGenerator<JoinStatus> {
  const first = await engine.report('join', { task, summary: true }, signal);
  const summary = first.subtasks > MAX_FOLLOWED_CHILDREN;
  const { controller: stopped, release } = linkedController([signal]);
  const stop = stopped.signal;
  const changes = new Changes();
  stop.addEventListener('abort', () => changes.end(), { once: true });
  // A watch that needs time to begin tells of a gap when it does, so that no change is missed in between.
  const listening = changes.noteAll(
    engine.watch({ thread: first.thread, kinds: ['record', 'task'], signal: stop }),
    event => event.kind === 'task' && event.complete,
  );
  try {
    for (let more = true; more; more = await changes.next()) {
      const join = await engine.report('join', { task: first.thread, summary }, signal);
      yield join;
      if (join.complete && !join.under_way) {
        if (summary) yield await engine.report('join', { task: first.thread, summary: false }, signal);
        return;
      }
      await changes.settle(MIN_INTERVAL_MS);
    }
  } finally {
    stopped.abort();
    release();
    await listening;
  }
}
