import type { FleetStopped } from '../contract/documents.ts';
import type { StopOrphanedOptions } from '../cli/host.ts';
import { FleetError } from '../errors.ts';
import { openHome } from '../home/home.ts';
import type { Lease } from '../home/held-lease.ts';
import { acquireLease } from '../home/lease.ts';
import { liveWorkers, workerHomes, type LiveWorker, type WorkerHome } from '../home/live-workers.ts';
import { homePaths } from '../home/paths.ts';
import { markStopped } from '../home/stop-mark.ts';
import { endOrphanedCommands } from '../runtime/processes/command-notes.ts';
import { endProcess } from '../system/processes.ts';

type Stopped = FleetStopped['stopped'];

/** The times for a process to end beyond the grace, and for the system to end a killed one, in milliseconds. */
const CLOSING_MS = 2_000;
const KILL_WAIT_MS = 5_000;

interface OrphanedWorker extends LiveWorker {
  readonly did: string;
}

/**
 * Ends the workers of a home whose coordinator is gone: SIGTERM, on which a worker drains, then SIGKILL after the
 * grace. Their unreported results stay in their logs. Holds the home's lease meanwhile, so that no coordinator starts
 * them again; does nothing when another process holds it. The home itself may be gone.
 * @returns the end of each worker; empty without workers, or when the home is served.
 * @throws WORKER_FAILED when a process does not end; the others are ended nevertheless.
 */
export async function stopOrphanedWorkers(options: StopOrphanedOptions): Promise<Stopped> {
  const lease = await leaseOf(options.home);
  if (lease === 'held') return [];
  try {
    const left = (await leftOf(options.home)).filter(
      ({ alias, did }) => options.instance === null || options.instance === alias || options.instance === did,
    );
    // A standby must not take over after this stop.
    if (left.length > 0 && options.scope === 'all' && lease !== 'no home')
      await markStopped(homePaths(options.home), 'all');
    const ends = await Promise.allSettled(left.map(worker => end(worker, options.graceMs)));
    await endCommands(options);
    const failed = ends.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    return ends.map(ended => (ended as PromiseFulfilledResult<Stopped[number]>).value);
  } finally {
    if (lease !== 'no home') await lease.release();
  }
}

/** A removed home has no lease, but its workers may be running. */
async function leaseOf(home: string): Promise<Lease | 'held' | 'no home'> {
  try {
    return await acquireLease(home);
  } catch (thrown) {
    if (FleetError.is(thrown, 'LEASE_HELD')) return 'held';
    if (FleetError.is(thrown, 'NOT_FOUND')) return 'no home';
    throw thrown;
  }
}

async function leftOf(home: string): Promise<OrphanedWorker[]> {
  const live = await liveWorkers(home);
  return Promise.all(
    live.map(async worker => ({ ...worker, did: (await openHome(worker.home, { create: false })).key.did })),
  );
}

async function end(worker: OrphanedWorker, graceMs: number): Promise<Stopped[number]> {
  const { alias, did, pid } = worker;
  const stopped = { alias, did, pid, handed_back: 0 };
  const how = await endProcess(worker, { graceMs: graceMs + CLOSING_MS, killMs: KILL_WAIT_MS });
  if (how !== null) return { ...stopped, how };
  throw new FleetError('WORKER_FAILED', `process ${pid} of ${alias} does not end`, {
    details: { alias, did, pid },
  });
}

/** Ends the commands of workers that are gone, including those that ended earlier. @throws WORKER_FAILED */
async function endCommands({ home, instance }: StopOrphanedOptions): Promise<void> {
  const ends = (await workerHomes(home)).map(async each =>
    (await isMeant(each, instance)) ? endOrphanedCommands(homePaths(each.home)) : [],
  );
  const left = await Promise.all(ends);
  if (left.flat().length > 0)
    throw new FleetError('WORKER_FAILED', `processes of the workers do not end: ${left.flat().join(', ')}`, {
      details: { left: left.flat() },
    });
}

/** True for a worker with this alias or DID; null means all. The DID of an unreadable home is unknown. */
async function isMeant({ alias, home }: WorkerHome, instance: string | null): Promise<boolean> {
  if (instance === null || instance === alias) return true;
  return openHome(home, { create: false }).then(
    ({ key }) => key.did === instance,
    () => false,
  );
}
