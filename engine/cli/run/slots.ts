import { availableParallelism } from 'node:os';
import type { FleetDocument } from '../../contract/documents.ts';
import { plural } from '../../contract/format.ts';
import { FleetError } from '../../errors.ts';
import { printLines } from '../context.ts';
import type { Context } from '../verb.ts';

/** The time after which a fleet that a run started ends, once no fan-out is open. */
const LINGER_SECS = 600;
const MAX_SLOTS = 64;

/** Returns the fleet of the home; null if none runs. */
export async function runningFleet(context: Context): Promise<FleetDocument | null> {
  try {
    return await context.report('fleet', {});
  } catch (thrown) {
    if (context.settings.url === null && FleetError.is(thrown, 'UNREACHABLE')) return null;
    throw thrown;
  }
}

/**
 * Ensures that a fleet runs, and that it has slots for a run: as many as the machine has cores where it has none, and
 * more where more are asked for.
 * @param fleet null if none runs
 * @returns the names of the workers that were started for this run only
 */
export async function ensureSlots(
  context: Context,
  fleet: FleetDocument | null,
  wanted: number,
): Promise<readonly string[]> {
  let slots = fleet === null ? 0 : slotsOf(fleet);
  if (fleet === null) await startCoordinator(context);
  if (slots === 0) {
    slots = Math.min(availableParallelism(), MAX_SLOTS);
    await context.submit('fleet.start', { workers: 0, executor: null, slots });
    if (!context.settings.json && fleet === null)
      printLines(context.err, [
        `· started a fleet with ${plural(slots, 'slot')}; it ends after ${LINGER_SECS / 60} minutes without work`,
      ]);
  }
  if (wanted <= slots) return [];
  const { spawned } = await context.submit('fleet.start', {
    workers: 0,
    executor: null,
    slots: wanted,
    temporary: true,
  });
  return spawned.map(({ alias }) => alias);
}

/** Ensures that a coordinator runs, for a command that needs no slots, and says so if it starts one. */
export async function ensureFleet(context: Context): Promise<void> {
  if ((await runningFleet(context)) !== null) return;
  await startCoordinator(context);
  if (!context.settings.json)
    printLines(context.err, [`· started a fleet; it ends after ${LINGER_SECS / 60} minutes without work`]);
}

/** Ends the workers that were started for a run. Work that they got meanwhile is finished first. */
export async function releaseWorkers(context: Context, aliases: readonly string[]): Promise<void> {
  const { engine, actor } = await context.client();
  const stops = aliases.map(instance =>
    engine.submit('fleet.stop', { scope: 'workers', instance, grace_secs: 60 }, { actor }),
  );
  await Promise.allSettled(stops);
}

function slotsOf({ instances }: FleetDocument): number {
  const live = instances.filter(({ role, status }) => role === 'worker' && status === 'live');
  return live.reduce((sum, { slots }) => sum + slots, 0);
}

/** Ensures that a coordinator runs, which ends when idle. */
async function startCoordinator({ settings: { home }, starter, signal }: Context): Promise<void> {
  await starter.ensureCoordinator({ home, port: null, echo: false, lingerSecs: LINGER_SECS, signal });
}
