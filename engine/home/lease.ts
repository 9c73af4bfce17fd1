import { FleetError } from '../errors.ts';
import { takeFile } from './lease-file.ts';
import type { Lease } from './held-lease.ts';
import { isBound, socketName, takeSocket, untilFreed } from './lease-socket.ts';
import { homePaths } from './paths.ts';
import { isAlive, readPidFile } from './process.ts';

/**
 * Takes the lease of the home, whose folder must exist. It keeps no process running by itself.
 * @throws LEASE_HELD when another has it; `details.pid` is the holder's, null when it has not said.
 * @throws NOT_FOUND when there is no such folder.
 */
export async function acquireLease(home: string): Promise<Lease> {
  const lease = await attempt(home);
  if (lease === undefined) throw await held(home);
  return lease;
}

/**
 * Takes the lease as soon as its holder dies or lets go: at once on Linux, within RETRY_MS elsewhere.
 * @throws the signal's reason when it aborts; nothing is held then.
 */
export async function waitForLease(home: string, signal: AbortSignal): Promise<Lease> {
  for (;;) {
    signal.throwIfAborted();
    const lease = await attempt(home);
    if (lease !== undefined) return settle(lease, signal);
    await (process.platform === 'linux' ? untilFreed(await socketName(home), signal) : pause(signal));
  }
}

/**
 * Tells whether somebody holds the lease of the home, without taking it. False on systems that can't tell.
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
  const holder = await readPidFile(paths.pidFile);
  const pid = holder !== undefined && isAlive(holder.pid, holder.start) ? holder.pid : null;
  const who = pid === null ? 'another process' : `process ${pid}`;
  return new FleetError('LEASE_HELD', `the home '${paths.home}' is in use by ${who}`, {
    details: { home: paths.home, pid },
    hint: 'spl serve --status says who serves it; spl serve --stop ends that.',
  });
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, RETRY_MS);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    }
  });
}
