import { Coordinator } from '../../engine/domain/coordinator/coordinator.ts';
import { fleetDocument, joinDocument } from '../../engine/domain/views/views.ts';
import { Worker } from '../../engine/domain/worker/worker.ts';
import type { Did } from '../../engine/record/ids.ts';
import { Client } from './client.ts';
import { CoordinatorHost } from './coordinator-host.ts';
import { must, Violation } from './invariants.ts';
import { drawProfile, healed, type Profile } from './profile.ts';
import { Random } from './random.ts';
import { requireRest, unendedCount, whyNotAtRest } from './rest.ts';
import { Scheduler } from './scheduler.ts';
import { Trace } from './trace.ts';
import { Watcher } from './watcher.ts';
import { WorkerHost } from './worker-host.ts';
import type { Rules, World } from './world.ts';

export const REAL_RULES: Rules = { Coordinator, Worker, hasty: false };

/**
 * The time without the end of any work after which a healed fleet must be at rest, and the interval of the checks, in
 * ms.
 */
const PATIENCE_MS = 900_000;
const LOOK_MS = 2_000;

/** The figures of one simulation. */
export interface Summary {
  readonly seed: number;
  readonly steps: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly records: number;
  readonly joins: number;
  readonly crashes: number;
}

/** The failure of one seed, with its last events. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
  readonly seed: number;

  constructor(seed: number, trace: Trace, cause: unknown) {
    const what = cause instanceof Violation ? cause.message : String((cause as Error)?.stack ?? cause);
    super(`seed ${seed}: ${what}\n\nThe last events:\n${trace.toString()}`, { cause });
    this.seed = seed;
  }
}

/**
 * Simulates one fleet from its creation to its rest, in virtual time. The same seed gives the same history.
 * @throws SimulationFailure if an invariant does not hold
 */
export function simulate(seed: number, rules: Rules = REAL_RULES, trace = new Trace()): Summary {
  const simulation = new Simulation(seed, rules, trace);
  try {
    return simulation.run();
  } catch (error) {
    throw new SimulationFailure(seed, trace, error);
  }
}

class Simulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #client: Client;
  #crashes = 0;
  #chaos = true;

  constructor(seed: number, rules: Rules, trace: Trace) {
    this.#seed = seed;
    const random = new Random(seed);
    const workers = new Map<Did, WorkerHost>();
    const world = {
      scheduler: new Scheduler(),
      random,
      trace,
      rules,
      workers,
      profile: drawProfile(random),
    } as unknown as { -readonly [K in keyof World]: World[K] };
    this.#world = world;
    world.coordinator = new CoordinatorHost(world);
    world.watcher = new Watcher(world);
    for (let i = 0; i < world.profile.workers; i++) {
      const worker = new WorkerHost(world, i, `worker-${i}`);
      workers.set(worker.did, worker);
    }
    this.#client = new Client(world);
  }

  run(): Summary {
    const { coordinator, scheduler, profile, workers } = this.#world;
    coordinator.onCrash = () => this.#crashed();
    this.#guarded(() => {
      coordinator.start();
      for (const worker of workers.values()) coordinator.control!.launch(worker);
    });
    this.#plan(profile);
    this.#runUntil(profile.chaosMs);
    this.#heal();
    this.#comeToRest();
    this.#guarded(() => {
      requireRest(this.#world);
      this.#requireViews();
      this.#world.watcher.replays(coordinator.core!);
    });
    return {
      seed: this.#seed,
      steps: this.#world.watcher.steps,
      events: this.#world.trace.count,
      virtualMs: scheduler.now,
      records: coordinator.log.end,
      joins: [...coordinator.core!.state.tasks.values()].filter(({ outcome }) => outcome !== null).length,
      crashes: this.#crashes,
    };
  }

  /** Plans the faults, and the client's commands. */
  #plan(profile: Profile): void {
    const { random, scheduler, coordinator } = this.#world;
    this.#often(profile.coordinatorCrashMs, () => coordinator.crash());
    this.#often(profile.coordinatorStallMs, () => this.#stall());
    this.#often(profile.workerCrashMs, () => this.#someWorker().kill('crashes'));
    this.#often(profile.workerHangMs, () => this.#hang(this.#someWorker()));
    this.#often(profile.linkBreakMs, () => this.#someWorker().breakLink());
    this.#often(profile.workerStopMs, () => this.#stopOrLaunch(this.#someWorker()));
    this.#often(profile.chaosMs / 3, () => this.#checkpoint());
    scheduler.after(400, () => this.#guarded(() => coordinator.process.up && this.#client.begin()));
    for (let i = 0; i < profile.commands; i++) {
      scheduler.after(random.between(400, profile.chaosMs), () => this.#guarded(() => this.#client.act()));
    }
  }

  #often(meanMs: number, run: () => void): void {
    if (!Number.isFinite(meanMs)) return;
    const { random, scheduler } = this.#world;
    scheduler.after(-Math.log(1 - random.next()) * meanMs, () => {
      if (!this.#chaos) return;
      this.#guarded(run);
      this.#often(meanMs, run);
    });
  }

  #checkpoint(): void {
    const { coordinator, watcher } = this.#world;
    if (!coordinator.process.up || coordinator.process.isStopped) return;
    coordinator.saveCheckpoint();
    watcher.replays(coordinator.core!);
  }

  #stall(): void {
    const { random, coordinator, profile, trace, scheduler, workers } = this.#world;
    if (!coordinator.process.up) return;
    const isLong = random.chance(0.3);
    const durationMs = isLong
      ? random.magnitude(5_000, 60_000)
      : random.magnitude(0.1, 8) * profile.heartbeatMs;
    trace.add(scheduler.now, 'coordinator', 'is stopped for', durationMs);
    coordinator.process.stop(durationMs);
    // A laptop that sleeps also stops its workers.
    if (random.chance(0.3)) for (const worker of workers.values()) worker.hang(durationMs);
  }

  #hang(worker: WorkerHost): void {
    worker.hang(this.#world.random.magnitude(0.1, 20) * this.#world.profile.heartbeatMs);
  }

  #stopOrLaunch(worker: WorkerHost): void {
    const { random, coordinator } = this.#world;
    if (!coordinator.process.up || coordinator.process.isStopped) return;
    if (!worker.process.up) coordinator.control!.launch(worker);
    else if (coordinator.control!.isKept(worker))
      coordinator.control!.stop(worker, random.pick([0, 500, 5_000]));
  }

  #someWorker(): WorkerHost {
    return this.#world.random.pick([...this.#world.workers.values()]);
  }

  /** Replaces a crashed coordinator, at once or after a while. */
  #crashed(): void {
    this.#crashes++;
    const { random, scheduler, coordinator } = this.#world;
    const delay =
      this.#chaos && random.chance(0.2) ? random.magnitude(1_000, 30_000) : random.between(10, 500);
    scheduler.after(delay, () =>
      this.#guarded(() => {
        if (coordinator.process.up) return;
        coordinator.start();
        this.#client.repeat();
      }),
    );
  }

  /** Ends all faults. Workers that are down are restarted, except those that were abandoned. */
  #heal(): void {
    const { random, scheduler, coordinator, workers, trace } = this.#world;
    this.#chaos = false;
    this.#world.profile = healed(this.#world.profile, random);
    trace.add(scheduler.now, 'everybody', 'is healed');
    coordinator.process.resume();
    const lost = random.chance(0.15);
    // Stops under way end first.
    scheduler.after(60_000, () =>
      this.#guarded(() => {
        this.#client.thaw();
        for (const worker of workers.values()) {
          // A coordinator that crashed during a launch may have left a process that is not in its log.
          const isUnknown = !coordinator.core!.state.instances.has(worker.did);
          if (isUnknown || (!worker.process.up && !(lost && random.chance(0.5))))
            coordinator.control!.launch(worker);
        }
      }),
    );
  }

  /** Waits as long as work ends: a long serial run takes longer than any fixed limit. */
  #comeToRest(): void {
    const { scheduler } = this.#world;
    this.#runUntil(scheduler.now + 62_000);
    let fewest = unendedCount(this.#world);
    let until = scheduler.now + PATIENCE_MS;
    while (scheduler.now < until && whyNotAtRest(this.#world) !== undefined) {
      this.#runUntil(scheduler.now + LOOK_MS);
      const left = unendedCount(this.#world);
      if (left >= fewest) continue;
      fewest = left;
      until = scheduler.now + PATIENCE_MS;
    }
  }

  #runUntil(time: number): void {
    const { scheduler } = this.#world;
    this.#guarded(() => {
      while (scheduler.next(time));
    });
  }

  /** Runs a step of the rules. Errors other than refusals are faults of the rules. */
  #guarded(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      if (error instanceof Violation) throw error;
      const text = String((error as Error).stack);
      must(false, 'I21', () => text);
    }
  }

  #requireViews(): void {
    const { coordinator, profile } = this.#world;
    const core = coordinator.core!;
    for (const task of core.state.tasks.values()) {
      for (const child of joinDocument(core, task, false, 0).children)
        must(child.state !== 'pending' || child.reason !== null, 'I16', () => `${task.alias} ${child.index}`);
    }
    const self = { did: coordinator.did, startedAt: 0, storeRecords: 0, activeDispatches: 0 };
    fleetDocument(
      core,
      { ...self, heartbeatMs: profile.heartbeatMs, url: '', executors: [], defaultExecutor: 'echo' },
      0,
    );
  }
}
