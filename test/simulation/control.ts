import type { Did } from '../../engine/record/ids.ts';
import type { CoordinatorHost } from './coordinator-host.ts';
import type { WorkerHost } from './worker-host.ts';
import type { World } from './world.ts';

/** A worker's process in the coordinator's view. */
interface Watched {
  life: number;
  hasEnded: boolean;
  expected: boolean;
  ends: number[];
  restart: number;
}

const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;
const FIRST_BACKOFF_MS = 100;
const STOP_SLACK_MS = 2_000;

/**
 * Launches, watches, restarts and stops workers, like `fleet-control` and `supervisor` of `runtime/coordinator`. Ends
 * with its coordinator.
 */
export class Control {
  readonly #world: World;
  readonly #host: CoordinatorHost;
  readonly #watched = new Map<Did, Watched>();

  constructor(world: World, host: CoordinatorHost) {
    this.#world = world;
    this.#host = host;
  }

  /** Adopts the workers whose processes live, and restarts those that died while no coordinator ran. */
  resume(): void {
    for (const { did, role, status, pid } of [...this.#host.core!.state.instances.values()]) {
      if (role !== 'worker' || status === 'stopped') continue;
      const worker = this.#world.workers.get(did)!;
      const watched = this.#watch(worker);
      if (worker.process.up) continue;
      watched.hasEnded = true;
      if (pid !== null)
        this.#decide(now => this.#host.core!.gone(did, 'it ended while no coordinator ran', now));
      this.#startAgain(worker, watched, 0);
    }
  }

  /** Registers a worker and launches it, unless it runs. */
  launch(worker: WorkerHost): void {
    const { core } = this.#host;
    if (!core!.state.instances.has(worker.did)) {
      const { did, alias } = worker;
      this.#decide(now =>
        core!.admit({ did, alias, role: 'worker', home: `/home/${alias}`, public_key: alias }, now),
      );
    }
    this.#spawn(worker, this.#watch(worker));
  }

  /** Returns true if the worker runs and is not being stopped. */
  isKept(worker: WorkerHost): boolean {
    const watched = this.#watched.get(worker.did);
    return watched !== undefined && !watched.expected && this.#isRunning(worker);
  }

  /** Returns true if the worker was asked to stop and still runs. */
  isStopping(worker: WorkerHost): boolean {
    return this.#watched.get(worker.did)?.expected === true;
  }

  /** Handles the end of a worker's process, which is noticed a little later. */
  noticeEnd(worker: WorkerHost, life: number): void {
    const { random } = this.#world;
    this.#host.process.after(random.between(0, 100), () => this.#ended(worker, life));
  }

  /** Drains a worker, and kills it if that takes too long. */
  stop(worker: WorkerHost, graceMs: number): void {
    const { did } = worker;
    const watched = this.#watched.get(did);
    if (watched === undefined) return;
    watched.expected = true;
    watched.restart++;
    const isLinked = this.#host.core!.isLinked(did);
    this.#decide(now => this.#host.core!.stop(did, graceMs, now));
    this.#awaitStopped(worker, isLinked ? graceMs + STOP_SLACK_MS : 0);
  }

  endProcess(did: Did, reason: string): void {
    const worker = this.#world.workers.get(did)!;
    this.#world.watcher.endsProcess(worker, reason);
    this.#host.unlink(did);
    if (this.#isRunning(worker)) worker.kill('is killed: it was silent');
    else this.#decide(now => this.#host.core!.abandon(did, reason, now));
  }

  #awaitStopped(worker: WorkerHost, leftMs: number): void {
    const { process } = this.#host;
    if (worker.process.up && leftMs > 0)
      return process.after(50, () => this.#awaitStopped(worker, leftMs - 50));
    worker.kill('is killed: it did not stop in time');
    // The end of the link may be noticed before or after the supervisor's report; here it is cut first.
    this.#host.unlink(worker.did);
    this.#decide(now => {
      this.#host.core!.abandon(worker.did, 'it was stopped', now);
      this.#host.core!.stopped(worker.did, now);
    });
  }

  #watch(worker: WorkerHost): Watched {
    let watched = this.#watched.get(worker.did);
    if (watched === undefined) {
      watched = { life: worker.process.life, hasEnded: false, expected: false, ends: [], restart: 0 };
      this.#watched.set(worker.did, watched);
    }
    return watched;
  }

  #isRunning(worker: WorkerHost): boolean {
    const watched = this.#watched.get(worker.did);
    return watched !== undefined && worker.process.up && worker.process.life === watched.life;
  }

  #ended(worker: WorkerHost, life: number): void {
    const watched = this.#watched.get(worker.did);
    if (watched === undefined || watched.life !== life || watched.hasEnded) return;
    watched.hasEnded = true;
    if (watched.expected) return;
    this.#host.unlink(worker.did);
    this.#decide(now => this.#host.core!.gone(worker.did, 'its process ended', now));
    this.#restartOrGiveUp(worker, watched);
  }

  #restartOrGiveUp(worker: WorkerHost, watched: Watched): void {
    const { random, profile, scheduler } = this.#world;
    watched.ends = [...watched.ends.filter(end => scheduler.now - end < RESTART_WINDOW_MS), scheduler.now];
    if (watched.ends.length > MAX_RESTARTS || random.chance(profile.giveUp))
      return this.#decide(now => this.#host.core!.abandon(worker.did, 'it was given up', now));
    this.#startAgain(worker, watched, FIRST_BACKOFF_MS * 2 ** (watched.ends.length - 1));
  }

  #startAgain(worker: WorkerHost, watched: Watched, delayMs: number): void {
    const restart = ++watched.restart;
    this.#host.process.after(delayMs, () => {
      if (restart === watched.restart && !watched.expected) this.#spawn(worker, watched);
    });
  }

  #spawn(worker: WorkerHost, watched: Watched): void {
    if (!worker.process.up) worker.start();
    Object.assign(watched, { life: worker.process.life, hasEnded: false, expected: false });
    const { random, profile } = this.#world;
    if (profile.workerHangMs < Number.POSITIVE_INFINITY && random.chance(0.1))
      worker.hang(random.magnitude(1_000, 1e6));
  }

  #decide(decide: (now: number) => void): void {
    this.#host.step(decide);
  }
}
