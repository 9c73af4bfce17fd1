import type { EngineEvent } from '../../engine/contract/engine.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../engine/contract/testing/requests.ts';
import type { EngineClient } from '../../engine/client/client.ts';

/** Returns a task to fan out. */
export const taskOf = (alias: string) => ({ ...BARE_TASK, goal: 'measure', alias });

/** Returns a fan-out of children that do nothing. */
export const fanOutOf = (task: string, count: number) => ({
  ...BARE_FAN_OUT,
  task,
  subtasks: echoes(count),
});

/** Returns subtasks that do nothing. */
export const echoes = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => ({ goal: `subtask ${i}` }));

/** Returns subtasks that each run this command. */
export const commandsOf = (run: string, count: number): object[] =>
  Array.from({ length: count }, (_, i) => ({ goal: `subtask ${i}`, run }));

/** Adds a task, fans it out and waits. @returns the time from the command to the durable join, in ms */
export async function timeFanOut(
  client: EngineClient,
  alias: string,
  subtasks: readonly object[],
): Promise<number> {
  const { thread } = await client.submit('task.add', taskOf(alias));
  const request = { ...BARE_FAN_OUT, task: alias, subtasks: [...subtasks] };
  const stop = new AbortController();
  const watch = { thread, kinds: ['task' as const], signal: stop.signal };
  const events = client.watch(watch)[Symbol.asyncIterator]();
  try {
    // A watch begins with a gap, once it is open.
    await events.next();
    const begun = performance.now();
    await client.submit('task.fan-out', request);
    for (;;) {
      const next = await events.next();
      if (next.done === true) throw new Error(`the watch of ${alias} ended before its join`);
      if (await isJoined(client, alias, next.value)) return performance.now() - begun;
    }
  } finally {
    stop.abort();
  }
}

/** Returns true if an event reports the join of this task. After a gap, asks for the state, as every watcher does. */
export async function isJoined(client: EngineClient, task: string, event: EngineEvent): Promise<boolean> {
  if (event.kind === 'gap') return (await client.report('join', { task, summary: true })).complete;
  return event.kind === 'task' && event.complete;
}
