import { access } from 'node:fs/promises';
import { connect, type ConnectOptions, type EngineClient } from '../../engine/api/client.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { resolveSocket } from '../../engine/home/socket.ts';
import type { Did } from '../../engine/record/ids.ts';
import { submittersEnvironment } from '../../engine/run/environment.ts';

/** How long a coordinator may take to say who it is. */
const HEALTH_MS = 10_000;
/** How long a watch goes on trying when the coordinator is gone, in milliseconds: a standby takes over faster. */
const RECONNECT_MS = 1_000;

/** The options of this window's client: work runs in the environment of the extension host, without the editor's variables. */
export function clientOptions(actor: Did): ConnectOptions {
  return { actor, reconnectMs: RECONNECT_MS, environment: submittersEnvironment(process.env) };
}

/** @returns a client of the coordinator that serves the home; undefined when none answers at its socket. */
export async function findEngine(
  home: string,
  actor: Did,
  signal: AbortSignal,
): Promise<EngineClient | undefined> {
  const socketPath = await socketOf(home);
  if (socketPath === undefined) return undefined;
  const client = connect({ socketPath }, clientOptions(actor));
  try {
    await client.report('health', {}, AbortSignal.any([signal, AbortSignal.timeout(HEALTH_MS)]));
    return client;
  } catch (thrown) {
    await client.close();
    if (FleetError.is(thrown, 'UNREACHABLE')) return undefined;
    throw thrown;
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

/** Whether the folder has been a home before. */
export function homeExists(home: string): Promise<boolean> {
  return access(homePaths(home).homeJson).then(
    () => true,
    () => false,
  );
}
