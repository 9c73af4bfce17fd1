import type { Coordinator } from '../../engine/domain/coordinator/coordinator.ts';
import type { Worker } from '../../engine/domain/worker/worker.ts';
import type { Did } from '../../engine/record/ids.ts';
import type { CoordinatorHost } from './coordinator-host.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Watcher } from './watcher.ts';
import type { WorkerHost } from './worker-host.ts';

/** The simulated rules: the real ones, or mutants of them that the checks must catch. */
export interface Rules {
  readonly Coordinator: typeof Coordinator;
  readonly Worker: typeof Worker;
  /** True for a mutant engine that runs effects before their records are durable. */
  readonly hasty: boolean;
}

/** The parts that everything in one simulation shares. */
export interface World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly rules: Rules;
  readonly watcher: Watcher;
  readonly coordinator: CoordinatorHost;
  readonly workers: ReadonlyMap<Did, WorkerHost>;
  profile: Profile;
}

/** The wall time at the beginning of every simulation, in ms since 1970. */
export const EPOCH = 1_700_000_000_000;

/**
 * Returns a rising clock like that of `runtime/clock`: the wall time at its start, but at least `floor`, plus the
 * elapsed time.
 */
export function risingClock(world: Pick<World, 'scheduler' | 'random'>, floor: number): () => number {
  const { scheduler, random } = world;
  const setWrong = random.chance(0.2) ? random.between(-60_000, 60_000) : random.between(-5, 5);
  const begin = scheduler.now;
  const wall = Math.max(EPOCH + begin + setWrong, floor);
  return () => wall + (scheduler.now - begin);
}
