import { access } from 'node:fs/promises';
import { connect, type ConnectOptions, type EngineClient } from '../../engine/client/client.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { resolveSocket } from '../../engine/home/socket.ts';
import type { Did } from '../../engine/record/ids.ts';
import { submittersEnvironment } from '../../engine/runtime/environment.ts';

/** The time limit for a coordinator to say who it is. */
const HEALTH_MS = 10_000;
/** The time for which a watch keeps trying when the coordinator is gone, in milliseconds: a standby takes over faster. */
const RECONNECT_MS = 1_000;

/** The options of this window's client: work runs in the environment of the extension host, without the editor's variables. */
export function clientOptions(actor: Did): ConnectOptions {
  return { actor, reconnectMs: RECONNECT_MS, environment: submittersEnvironment(process.env) };
}

/**
 * @returns a client of the coordinator that serves the home; undefined when none answers at its socket.
 * @throws TIMED_OUT when one takes the connection and does not say who it is.
 */
export async function findEngine(
  home: string,
  actor: Did,
  signal: AbortSignal,
  healthMs = HEALTH_MS,
): Promise<EngineClient | undefined> {
  const socketPath = await socketOf(home);
  if (socketPath === undefined) return undefined;
  // A client of its own: the time-out is that of all that a client asks.
  const probe = connect({ socketPath }, { actor, timeoutMs: healthMs });
  try {
    await probe.report('health', {}, signal);
    return connect({ socketPath }, clientOptions(actor));
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE')) return undefined;
    throw thrown;
  } finally {
    await probe.close();
  }
}

async function socketOf(home: string): Promise<string | undefined> {
  try {
    return await resolveSocket(homePaths(home));
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE')) return undefined;
    throw thrown;
  }
}

/** Settled when the coordinator behind a client does not answer any more, and nobody has taken over. */
export async function untilGone(client: EngineClient, signal: AbortSignal): Promise<void> {
  try {
    for await (const _event of client.watch({ kinds: ['instance'], signal }));
  } catch (thrown) {
    if (!FleetError.is(thrown)) throw thrown;
  }
}

/** Tells whether the folder has been a home before. */
export function homeExists(home: string): Promise<boolean> {
  return access(homePaths(home).homeJson).then(
    () => true,
    () => false,
  );
}
