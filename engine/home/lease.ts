import { setTimeout as delay } from 'node:timers/promises';
import { FleetError } from '../errors.ts';
import { takeFile } from './lease-file.ts';
import type { Lease } from './held-lease.ts';
import { isBound, socketName, takeSocket, waitUntilFreed } from './lease-socket.ts';
import { homePaths } from './paths.ts';
import { readLivePidFile } from './pid-file.ts';

/**
 * Takes the lease of the home, whose folder must exist. It keeps no process alive by itself.
 * @throws LEASE_HELD when another process has it; `details.pid` is the holder's, null when that is unknown.
 * @throws NOT_FOUND when there is no such folder.
 */
export async function acquireLease(home: string): Promise<Lease> {
  const lease = await attempt(home);
  if (lease === undefined) throw await held(home);
  return lease;
}

/**
 * Takes the lease as soon as its holder dies or releases it: at once on Linux, within RETRY_MS elsewhere.
 * @throws the signal's reason when it aborts; nothing is held then.
 */
export async function waitForLease(home: string, signal: AbortSignal): Promise<Lease> {
  for (;;) {
    signal.throwIfAborted();
    const lease = await attempt(home);
    if (lease !== undefined) return settle(lease, signal);
    await (process.platform === 'linux' ? waitUntilFreed(await socketName(home), signal) : pause(signal));
  }
}

/**
 * Returns true when a process holds the lease of the home, without taking it. Always false on systems that can't tell.
 * @throws NOT_FOUND when there is no such folder.
 */
export async function isLeaseHeld(home: string): Promise<boolean> {
  return process.platform === 'linux' && isBound(await socketName(home));
}

/** The interval between checks on a system without abstract sockets, in milliseconds. */
const RETRY_MS = 200;

async function attempt(home: string): Promise<Lease | undefined> {
  return process.platform === 'linux' ? takeSocket(await socketName(home)) : takeFile(homePaths(home));
}

async function settle(lease: Lease, signal: AbortSignal): Promise<Lease> {
  if (!signal.aborted) return lease;
  await lease.release();
  throw signal.reason;
}

async function held(home: string): Promise<FleetError> {
  const paths = homePaths(home);
  const pid = (await readLivePidFile(paths.pidFile))?.pid ?? null;
  const who = pid === null ? 'another process' : `process ${pid}`;
  return new FleetError('LEASE_HELD', `the home '${paths.home}' is in use by ${who}`, {
    details: { home: paths.home, pid },
    hint: 'Show the process: spl serve --status. Stop it: spl serve --stop.',
  });
}

/** The caller's loop throws the signal's reason. */
async function pause(signal: AbortSignal): Promise<void> {
  await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
}
