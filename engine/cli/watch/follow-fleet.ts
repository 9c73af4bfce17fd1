import { follow } from '../../client/follow.ts';
import type { LiveDocument } from '../../contract/documents.ts';
import type { EngineEvent } from '../../contract/engine.ts';
import type { Client } from '../host.ts';

/** The shortest time between two readings, in milliseconds. */
const MIN_INTERVAL_MS = 200;

/**
 * Follows a fleet: yields its state now, and again whenever it has changed. Ends without an error when the signal
 * aborts.
 * @param kinds the events that count as a change
 * @throws the engine's errors
 */
export async function* followFleet(
  engine: Client,
  kinds: readonly EngineEvent['kind'][],
  signal: AbortSignal,
): AsyncGenerator<LiveDocument> {
  const about = { kinds, intervalMs: MIN_INTERVAL_MS, atOnce: true };
  for await (const _changed of follow(engine, about, signal)) yield engine.report('live', {}, signal);
}
