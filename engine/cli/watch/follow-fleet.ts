import { Changes } from '../../client/changes.ts';
import type { LiveDocument } from '../../contract/documents.ts';
import type { EngineEvent } from '../../contract/engine.ts';
import { linkedController } from '../../contract/linked-controller.ts';
import type { Client } from '../host.ts';

/** The shortest time between two readings, in milliseconds: what happens meanwhile is read at once. */
const MIN_INTERVAL_MS = 200;

/**
 * Tells how a fleet goes: its state now, and anew whenever something of it has changed. The changes are told by the
 * engine; nothing is asked while nothing happens.
 * @param kinds what is a change
 * @throws what the engine throws; ends, without an error, when the signal aborts.
 */
export async function* followFleet(
  engine: Client,
  kinds: readonly EngineEvent['kind'][],
  signal: AbortSignal,
): AsyncGenerator<LiveDocument> {
  const { controller: stopped, release } = linkedController([signal]);
  const stop = stopped.signal;
  const changes = new Changes();
  stop.addEventListener('abort', () => changes.end(), { once: true });
  if (stop.aborted) changes.end();
  const listening = changes.noteAll(engine.watch({ kinds, signal: stop }), () => false);
  try {
    for (let more = true; more; more = await changes.next()) {
      yield await engine.report('live', {}, signal);
      await changes.settle(MIN_INTERVAL_MS);
    }
  } finally {
    stopped.abort();
    release();
    await listening;
  }
}
