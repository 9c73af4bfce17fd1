import type { EngineClient } from '../../engine/client/client.ts';
import { followFanOut, readFanOut } from '../../engine/client/fan-out.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';

/**
 * Follows a run until nothing of it runs any more.
 * @param take receives the subtasks that have changed; all of them at the beginning and at the end
 * @returns the end; undefined if the signal aborted
 * @throws the engine's errors
 */
export async function followRun(
  client: EngineClient,
  thread: string,
  signal: AbortSignal,
  take: (children: readonly ChildDocument[]) => void,
): Promise<JoinStatus | undefined> {
  for await (const { status, changed } of followFanOut(client, thread, signal, { atOnce: true })) {
    take(changed);
    if (status.complete && !status.under_way) break;
  }
  if (signal.aborted) return undefined;
  // The status and the subtasks were read one after the other, and subtasks may have ended between.
  const end = await readFanOut(client, thread, signal);
  take(end.children);
  return end;
}
