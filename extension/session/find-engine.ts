import { access } from 'node:fs/promises';
import { connect, type ConnectOptions, type EngineClient } from '../../engine/client/client.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { resolveSocket } from '../../engine/home/socket.ts';
import type { Did } from '../../engine/record/ids.ts';
import { submittersEnvironment } from '../../engine/runtime/environment.ts';

/** The time limit for a coordinator to identify itself. */
const HEALTH_MS = 10_000;
/** The time for which a watch tries to reconnect, in milliseconds. A standby takes over faster than that. */
const RECONNECT_MS = 1_000;

/**
 * Returns the options of this window's client. Work runs in the environment of the extension host, without the editor's
 * variables.
 */
export function clientOptions(actor: Did): ConnectOptions {
  return { actor, reconnectMs: RECONNECT_MS, environment: submittersEnvironment(process.env) };
}

/**
 * Returns a client of the coordinator that serves the home.
 * @returns undefined if no coordinator answers at the socket
 * @throws TIMED_OUT if the coordinator accepts the connection and does not identify itself
 */
export async function findEngine(
  home: string,
  actor: Did,
  signal: AbortSignal,
  healthMs = HEALTH_MS,
): Promise<EngineClient | undefined> {
  const socketPath = await socketOf(home);
  if (socketPath === undefined) return undefined;
  // A separate client: the time limit applies to every call of a client.
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

/** Resolves when the coordinator behind a client no longer answers, and none has taken over. */
export async function untilGone(client: EngineClient, signal: AbortSignal): Promise<void> {
  try {
    for await (const _event of client.watch({ kinds: ['instance'], signal }));
  } catch (thrown) {
    if (!FleetError.is(thrown)) throw thrown;
  }
}

/** Returns true if the folder is already a home. */
export function homeExists(home: string): Promise<boolean> {
  return access(homePaths(home).homeJson).then(
    () => true,
    () => false,
  );
}
