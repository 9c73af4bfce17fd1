import { MAX_SLOTS, type FleetStart, type FleetStop } from '../../contract/commands.ts';
import type { FleetStarted, FleetStopped, InstanceDocument } from '../../contract/documents.ts';
import { VERSION } from '../../contract/engine.ts';
import { linkedController } from '../../contract/linked-controller.ts';
import { FleetError, messageOf } from '../../errors.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { completedOf, type Instance } from '../../domain/model/state.ts';
import {
  byRoleAndAlias,
  fleetDocument,
  instanceDocument,
  resolveInstance,
  type FleetFacts,
} from '../../domain/views/views.ts';
import { openHome, type Home } from '../../home/home.ts';
import { liveWorkers } from '../../home/live-workers.ts';
import { homePaths, workerAlias, workerHome } from '../../home/paths.ts';
import { readPidFile } from '../../home/pid-file.ts';
import { clearStopMark, markStopped, stopMark, type Stopped } from '../../home/stop-mark.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import type { Clock } from '../clock.ts';
import { endOrphanedCommands } from '../processes/command-notes.ts';
import type { Logger } from '../logger.ts';
import { lastLines } from '../log-tail.ts';
import type { SharedThreads } from './shared-threads.ts';
import { Supervisor, type WorkerLaunch, type WorkerProgram } from './supervisor.ts';
import { TemporaryWorkers } from './temporary-workers.ts';
import type { Watchers } from '../../contract/watchers.ts';

export interface FleetControlOptions {
  readonly did: Did;
  readonly home: Home;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The executors of the workers. */
  readonly executors: readonly string[];
  readonly worker: WorkerProgram;
  readonly step: <T>(decide: (now: number) => T) => Promise<T>;
  readonly fleet: () => FleetFacts;
  /** Resolves names to threads. */
  readonly threadsOf: (names: readonly string[]) => Promise<readonly ThreadId[]>;
  readonly shared: SharedThreads;
  readonly watchers: Watchers;
  readonly unlink: (did: Did) => void;
  readonly onStop: () => void;
}

/** The maximum time for workers to start, in milliseconds. */
const CONVERGE_MS = 30_000;
/** The time that a stopping worker gets beyond its grace, and again after SIGTERM, in milliseconds. */
const STOP_SLACK_MS = 2_000;
const TERM_GRACE_MS = 2_000;
/** The grace that waits for running work: 24 days, the maximum delay of a timer. */
const UNTIL_FINISHED_MS = 2 ** 31 - 1;
const FIRST_WORKER_PORT = 9201;
const MAX_WORKERS = 64;

interface Launched {
  readonly did: Did;
  readonly alias: string;
  readonly pid: number;
  readonly home: string;
}

/** Starts, adopts, restarts and stops the workers of a coordinator. */
export class FleetControl {
  readonly #options: FleetControlOptions;
  readonly #supervisor: Supervisor;
  readonly #handedBack = new Map<Did, number>();
  readonly #temporary = new TemporaryWorkers({
    isIdle: () => this.#options.coordinator.state.open.size === 0,
    end: workers => this.#endTemporary(workers),
  });
  /** The messages that the next `start` shows to people, once. */
  notes: readonly string[] = [];
  /** True once somebody has started the fleet for more than one run. */
  isWanted = false;
  /** Running stops. Callers wait for them; the supervisor has the states of the processes. */
  readonly #stopping = new Set<Promise<unknown>>();
  #isClosed = false;
  /** True from the beginning of a stop of everything. */
  #isEnding = false;
  /** Resolves when a stop that the last coordinator left unfinished is complete. */
  #finishing: Promise<void> = Promise.resolve();
  /** Resolves when the latest launches are complete. */
  #launching: Promise<unknown> = Promise.resolve();

  constructor(options: FleetControlOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      worker: options.worker,
      coordinator: options.did,
      coordinatorHome: options.home.paths.home,
      logger: options.logger,
      onGone: (did, reason, expected) => this.#gone(did, reason, expected),
      onGivenUp: (did, reason) => this.#giveUp(did, reason),
    });
  }

  /**
   * Adopts running workers at the coordinator's start and restarts dead ones. If the last coordinator ended during a
   * stop of everything, ends the workers instead.
   */
  async resume(): Promise<void> {
    const workers = this.#workers().filter(({ status }) => status !== 'stopped');
    const { paths } = this.#options.home;
    const stopped = await stopMark(paths);
    await Promise.all(workers.map(worker => this.#takeOver(worker, stopped === 'all')));
    if (stopped === 'all') this.#finishStop(workers);
    else await clearStopMark(paths);
  }

  /**
   * Completes a stop of everything. The mark stays until then, so that the next coordinator completes it if this one
   * ends first.
   */
  #finishStop(workers: readonly Instance[]): void {
    this.#finishing = this.#stopAll(workers, 0)
      .then(() => this.#stopUnknown(0))
      .then(() => clearStopMark(this.#options.home.paths))
      .catch((error: unknown) => this.#options.logger.error(messageOf(error)));
  }

  /** Adopts the process that a worker names as its own, whichever process was launched last. */
  onHello(did: Did): void {
    const instance = this.#options.coordinator.state.instances.get(did);
    if (instance?.pid == null || instance.pidStart === null) return;
    if (this.#supervisor.pidOf(did) === instance.pid) return;
    this.#supervisor.adopt(relaunchOf(instance), instance.pid, instance.pidStart);
  }

  async #takeOver(instance: Instance, endsAll: boolean): Promise<void> {
    const launch = relaunchOf(instance);
    const { pid, pidStart } = instance;
    if (pid !== null && pidStart !== null && this.#supervisor.adopt(launch, pid, pidStart)) return;
    // The log lacks a worker that was launched just before the last coordinator's end.
    const holder = await readPidFile(homePaths(instance.home).pidFile);
    if (holder !== undefined && this.#supervisor.adopt(launch, holder.pid, holder.start)) return;
    if (pid !== null)
      this.#decide(now =>
        this.#options.coordinator.gone(instance.did, `process ${pid} ended while no coordinator ran`, now),
      );
    if (!endsAll) this.#supervisor.revive(launch);
  }

  /**
   * Raises the number of live workers to `workers`; never lowers it.
   * @throws WORKER_FAILED naming each worker that did not start within 30 s, and why
   * @throws INVALID_RECORD for an executor that no worker has
   * @throws NOT_FOUND for a missing thread to share, CONFLICT for an ambiguous one, SCOPE_FORBIDDEN for one of the
   * fleet's own
   */
  async start(input: FleetStart, signal: AbortSignal | undefined): Promise<FleetStarted> {
    this.#refuseEnding();
    this.isWanted ||= input.slots === undefined;
    if (input.executor !== null) await this.#chooseExecutor(input.executor);
    if (input.share !== undefined) await this.#chooseShared(input.share);
    const resumed = this.#openFanOuts();
    const { already, launched } = await this.#oneAtATime(() => this.#raise(input));
    const wanted = [...already.map(({ did }) => did), ...launched.map(({ did }) => did)];
    if (input.temporary === true) this.#temporary.add(launched.map(({ did }) => did));
    else this.#temporary.keep(wanted);
    await this.#awaitLive(wanted, signal);
    return this.#started(launched, already, resumed);
  }

  /** @throws UNAVAILABLE during a stop of everything, which would miss a worker launched now */
  #refuseEnding(): void {
    if (this.#isEnding)
      throw new FleetError('UNAVAILABLE', 'the fleet is being stopped', {
        hint: 'Start it when it has stopped: spl fleet start',
      });
  }

  /** Stops workers and, if requested, the coordinator itself. Answers when the workers are gone. */
  async stop(input: FleetStop): Promise<FleetStopped> {
    const graceMs = input.grace_secs * 1000;
    this.#isEnding ||= input.scope === 'all' && input.instance === null;
    // Workers that are being launched are stopped too.
    await this.#launching;
    const one = input.instance === null ? undefined : this.#instanceOf(input.instance);
    if (input.instance !== null && one === undefined)
      return { stopped: await this.#stopNamed(input.instance, graceMs), coordinator_stopping: false };
    const workers =
      one === undefined
        ? this.#workers().filter(
            worker => worker.status !== 'stopped' || this.#supervisor.comesUp(worker.did),
          )
        : one.role === 'worker'
          ? [one]
          : [];
    const alsoSelf = one === undefined ? input.scope === 'all' : one.role === 'coordinator';
    const end = async (): Promise<FleetStopped['stopped']> => [
      ...(await this.#stopAll(workers, graceMs)),
      ...(one === undefined ? await this.#stopUnknown(graceMs) : []),
    ];
    const stopped = alsoSelf
      ? await this.#stopForGood(end, one === undefined ? 'all' : 'coordinator')
      : await end();
    if (alsoSelf) setImmediate(this.#options.onStop);
    return { stopped, coordinator_stopping: alsoSelf };
  }

  /** Returns the known instance of this name. */
  #instanceOf(name: string): Instance | undefined {
    try {
      return resolveInstance(this.#options.coordinator.state, name);
    } catch (error) {
      if (FleetError.is(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** Stops an unknown worker whose home is beside this home. @throws NOT_FOUND for no such worker */
  async #stopNamed(name: string, graceMs: number): Promise<FleetStopped['stopped']> {
    const stopped = await this.#stopUnknown(graceMs, name);
    if (stopped.length === 0) resolveInstance(this.#options.coordinator.state, name);
    return stopped;
  }

  /** Stops, after marking the home: the stop holds even when this process ends in the middle of it. */
  async #stopForGood(
    end: () => Promise<FleetStopped['stopped']>,
    what: Stopped,
  ): Promise<FleetStopped['stopped']> {
    const { paths } = this.#options.home;
    // An earlier stop removes its own mark at its end, and must not remove this one.
    await this.#finishing;
    // If marking fails, a standby may continue. Stop nevertheless.
    await markStopped(paths, what).catch((error: unknown) => this.#options.logger.error(messageOf(error)));
    try {
      return await end();
    } catch (error) {
      // After a failure this coordinator continues. If it is being closed, the mark makes the next coordinator complete
      // the stop.
      this.#isEnding = false;
      if (!this.#isClosed) await clearStopMark(paths);
      throw error;
    }
  }

  #stopAll(workers: readonly Instance[], graceMs: number): Promise<FleetStopped['stopped']> {
    return Promise.all(workers.map(worker => this.#stopOne(worker, graceMs)));
  }

  /**
   * Stops processes that serve workers' homes beside this home and are unknown to this coordinator, such as those of a
   * coordinator whose home was removed.
   * @param name an alias or a DID: stops only that worker
   */
  async #stopUnknown(graceMs: number, name?: string): Promise<FleetStopped['stopped']> {
    const live = await liveWorkers(this.#options.home.paths.home);
    const ends = live.map(async worker => {
      const { alias, home, pid, start } = worker;
      const { key } = await openHome(home, { create: false });
      const { did } = key;
      if (this.#supervisor.comesUp(did) || ![undefined, alias, did].includes(name)) return [];
      const launch = { did, alias, home, port: FIRST_WORKER_PORT + workerNumber(alias) };
      if (!this.#supervisor.adopt(launch, pid, start)) return [];
      this.#supervisor.expectEnd(did);
      const how = await this.#supervisor.end(did, graceMs + TERM_GRACE_MS);
      await this.#endLeftCommands({ alias, did, home });
      return [{ alias, did, pid, how, handed_back: 0 }];
    });
    return (await allOf(ends)).flat();
  }

  /** Stops one worker and launches it again. @throws NOT_FOUND, WORKER_FAILED, CONFLICT for the coordinator */
  async restart(name: string): Promise<InstanceDocument> {
    const instance = resolveInstance(this.#options.coordinator.state, name);
    if (instance.role === 'coordinator') {
      throw new FleetError('CONFLICT', "a coordinator can't restart itself", {
        hint: 'Restart it: spl fleet stop --all, then spl fleet start',
      });
    }
    await this.#oneAtATime(async () => {
      this.#refuseEnding();
      if (instance.status !== 'stopped') await this.#stopOne(instance, 10_000);
      await this.#launchProcess(launchOf(instance));
    });
    await this.#awaitLive([instance.did], undefined);
    return instanceDocument(
      this.#options.coordinator,
      instance,
      this.#options.fleet(),
      this.#options.clock.now(),
    );
  }

  /** Ends a hung worker and everything that it started. After its restart, the worker reports what it held. */
  async endProcess(did: Did, reason: string): Promise<void> {
    // The process is starting, not hung. The rules check again.
    if (this.#supervisor.isOnItsWay(did)) return;
    this.#options.logger.info(`${did} is fenced: ${reason}`);
    this.#options.unlink(did);
    if (!this.#supervisor.isRunning(did)) return this.#abandon(did, reason);
    try {
      await this.#supervisor.end(did, 0);
    } catch (error) {
      this.#options.logger.error(messageOf(error));
      // The system can't end it. Its work must not wait.
      this.#decide(now => this.#options.coordinator.abandon(did, reason, now));
    }
  }

  /**
   * Replaces a worker of another version that an earlier coordinator launched, after its running work has finished. A
   * worker that this coordinator launched stays, because a restart would run the same version.
   */
  replaceIfOther(did: Did, version: string): void {
    if (version === VERSION || this.#supervisor.isOurs(did)) return;
    this.#options.logger.info(
      `${did} is of version ${version}, and is replaced by ${VERSION} once it has finished`,
    );
    this.#decide(now => this.#options.coordinator.stop(did, UNTIL_FINISHED_MS, now));
  }

  linked(did: Did): void {
    this.#supervisor.linked(did);
  }

  linkLost(did: Did): void {
    this.#supervisor.linkLost(did);
  }

  noteReturned(did: Did, count: number): void {
    this.#handedBack.set(did, (this.#handedBack.get(did) ?? 0) + count);
  }

  /** Releases the workers, which keep running. */
  close(): void {
    this.#isClosed = true;
    this.#temporary.close();
    this.#supervisor.close();
  }

  /** Work that they got meanwhile is finished first. */
  #endTemporary(workers: readonly Did[]): void {
    const still = this.#workers().filter(({ did, status }) => workers.includes(did) && status !== 'stopped');
    this.#stopAll(still, UNTIL_FINISHED_MS).catch((error: unknown) =>
      this.#options.logger.error(messageOf(error)),
    );
  }

  /** Launches workers up to the requested number. */
  async #raise({ workers, slots = 0 }: FleetStart): Promise<{ already: Instance[]; launched: Launched[] }> {
    this.#refuseEnding();
    await Promise.allSettled(this.#stopping);
    const already = this.#workers().filter(worker => this.#comesUp(worker));
    const missing = slots - already.reduce((sum, worker) => sum + worker.slots, 0);
    const added = [
      ...Array.from({ length: workers - already.length }, () => undefined),
      ...(missing > 0 ? [Math.min(missing, MAX_SLOTS)] : []),
    ];
    const launched = await allOf(
      this.#free(added.length, already).map((i, nth) => this.#launch(i, added[nth])),
    );
    return { already, launched };
  }

  /** Runs launches one after the other, so that concurrent starts do not launch the same worker. */
  #oneAtATime<T>(launch: () => Promise<T>): Promise<T> {
    const result = this.#launching.then(launch);
    this.#launching = result.catch(() => undefined);
    return result;
  }

  #workers(): Instance[] {
    return [...this.#options.coordinator.state.instances.values()]
      .filter(({ role }) => role === 'worker')
      .sort(byRoleAndAlias);
  }

  /**
   * Returns true for a live worker, and for one that is starting. The status of a starting worker is `stopped` until
   * its first message.
   */
  #comesUp({ did, status }: Instance): boolean {
    return status === 'live' || this.#supervisor.comesUp(did);
  }

  /** Returns the lowest numbers of missing workers. */
  #free(count: number, present: readonly Instance[]): number[] {
    const taken = new Set(present.map(({ alias }) => alias));
    const free: number[] = [];
    for (let i = 0; free.length < count && i < MAX_WORKERS; i++) if (!taken.has(workerAlias(i))) free.push(i);
    return free;
  }

  async #launch(i: number, slots?: number): Promise<Launched> {
    const home = workerHome(this.#options.home.paths.home, i);
    const alias = workerAlias(i);
    const { key } = await this.#openWorkerHome(home, alias);
    const known = this.#options.coordinator.state.instances.get(key.did);
    if (known?.home !== home || known.alias !== alias) {
      await this.#options.step(now =>
        this.#options.coordinator.admit(
          { did: key.did, alias, role: 'worker', home, public_key: key.publicKey },
          now,
        ),
      );
    }
    const pid = await this.#launchProcess({
      ...{ did: key.did, alias, home, port: FIRST_WORKER_PORT + i },
      ...(slots !== undefined && { slots }),
    });
    return { did: key.did, alias, pid, home };
  }

  /** @throws UNAVAILABLE during a stop of everything, WORKER_FAILED when no process could be launched */
  #launchProcess(launch: WorkerLaunch): Promise<number> {
    this.#refuseEnding();
    return this.#supervisor.launch(launch);
  }

  async #openWorkerHome(home: string, alias: string): Promise<Home> {
    try {
      return await openHome(home, { create: true, version: VERSION });
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      const { hint } = error;
      throw new FleetError('WORKER_FAILED', `${alias} can't be started: ${error.message}`, {
        details: { alias, home, ...error.details },
        ...(hint === undefined ? {} : { hint }),
        cause: error,
      });
    }
  }

  /** Waits until each of these is live and has reported its endpoint. */
  async #awaitLive(dids: readonly Did[], signal: AbortSignal | undefined): Promise<void> {
    const { controller: enough, release } = linkedController([signal]);
    const timer = setTimeout(() => enough.abort(), CONVERGE_MS);
    const watcher = this.#options.watchers.add({
      kinds: ['instance'],
      signal: enough.signal,
    });
    const missing = (): Did[] => dids.filter(did => !this.#isUp(did));
    const settled = (): boolean =>
      this.#isEnding || missing().every(did => this.#supervisor.whyGivenUp(did) !== undefined);
    try {
      if (!settled()) for await (const _ of watcher) if (settled()) break;
    } finally {
      clearTimeout(timer);
      release();
      watcher.end();
    }
    const late = missing();
    if (late.length === 0) return;
    this.#refuseEnding();
    if (this.#isClosed)
      throw new FleetError('UNAVAILABLE', 'the coordinator is stopping; its workers keep running');
    throw await this.#didNotCome(late);
  }

  #isUp(did: Did): boolean {
    const instance = this.#options.coordinator.state.instances.get(did);
    return (
      instance?.status === 'live' &&
      instance.pid === this.#supervisor.pidOf(did) &&
      this.#options.coordinator.isLinked(did)
    );
  }

  /** Returns true when an unknown process serves the home of one of these workers. */
  async #isServedByOther(dids: readonly Did[]): Promise<boolean> {
    const live = await liveWorkers(this.#options.home.paths.home);
    const homes = new Map(dids.map(did => [this.#options.coordinator.state.instances.get(did)!.home, did]));
    return live.some(({ home, pid }) => {
      const did = homes.get(home);
      return did !== undefined && pid !== this.#supervisor.pidOf(did);
    });
  }

  async #didNotCome(dids: readonly Did[]): Promise<FleetError> {
    const failures = await Promise.all(
      dids.map(async did => {
        const { alias, home, note } = this.#options.coordinator.state.instances.get(did)!;
        return {
          alias,
          did,
          why: this.#supervisor.whyGivenUp(did) ?? note ?? 'it did not connect within 30s',
          last_lines: await lastLines(`${home}/logs/worker.log`),
        };
      }),
    );
    const words = failures.map(
      ({ alias, why, last_lines }) => `${alias}: ${why}${last_lines === '' ? '' : ` (${last_lines})`}`,
    );
    return new FleetError(
      'WORKER_FAILED',
      `${failures.length === 1 ? 'a worker' : `${failures.length} workers`} did not start: ${words.join('; ')}`,
      {
        details: { failures },
        hint: (await this.#isServedByOther(dids))
          ? 'Workers of another fleet run in these homes. Stop them, then start again: spl fleet stop --all'
          : 'Check the log with spl doctor, or read logs/worker.log in the home of each worker.',
      },
    );
  }

  #started(
    launched: readonly Launched[],
    already: readonly Instance[],
    resumed: FleetStarted['resumed'],
  ): FleetStarted {
    const { coordinator } = this.#options;
    const fleet = fleetDocument(coordinator, this.#options.fleet(), this.#options.clock.now());
    const { notes } = this;
    this.notes = [];
    const endpointOf = (did: Did): string | null => coordinator.state.instances.get(did)?.endpoint ?? null;
    return {
      ...fleet,
      spawned: launched.map(({ did, alias, home }) => ({
        alias,
        did,
        pid: this.#supervisor.pidOf(did) ?? 0,
        endpoint: endpointOf(did),
        home,
      })),
      adopted: already.map(({ did }) => did),
      resumed,
      notes: [
        ...notes,
        ...portNotes(launched.map(({ did, alias }) => ({ alias, endpoint: endpointOf(did) }))),
      ],
    };
  }

  #openFanOuts(): FleetStarted['resumed'] {
    const { state } = this.#options.coordinator;
    return [...state.open].map(thread => {
      const task = state.tasks.get(thread)!;
      return {
        thread,
        alias: task.alias,
        done: completedOf(task.fanOut!),
        subtasks: task.fanOut!.children.length,
      };
    });
  }

  #stopOne(worker: Instance, graceMs: number): Promise<FleetStopped['stopped'][number]> {
    const stop = this.#endWorker(worker, graceMs);
    this.#stopping.add(stop);
    const forget = (): void => void this.#stopping.delete(stop);
    stop.then(forget, forget);
    return stop;
  }

  async #endWorker(worker: Instance, graceMs: number): Promise<FleetStopped['stopped'][number]> {
    const { did, alias } = worker;
    const { coordinator } = this.#options;
    await this.#adoptHolder(worker);
    const pid = this.#supervisor.pidOf(did) ?? null;
    const before = this.#handedBack.get(did) ?? 0;
    this.#supervisor.expectEnd(did);
    const linked = coordinator.isLinked(did);
    await this.#options.step(now => coordinator.stop(did, graceMs, now));
    const drained = linked && (await this.#supervisor.awaitGone(did, graceMs + STOP_SLACK_MS));
    const how = drained ? 'drained' : await this.#supervisor.end(did, TERM_GRACE_MS);
    await this.#endLeftCommands(worker);
    await this.#options.step(now => {
      coordinator.abandon(did, 'it was stopped', now);
      coordinator.stopped(did, now);
    });
    return { alias, did, pid, how, handed_back: (this.#handedBack.get(did) ?? 0) - before };
  }

  /**
   * Adopts a process that serves a worker's home and is unknown here, such as that of a coordinator whose home was
   * removed.
   */
  async #adoptHolder(worker: Instance): Promise<void> {
    if (this.#supervisor.isRunning(worker.did)) return;
    const holder = await readPidFile(homePaths(worker.home).pidFile);
    if (holder !== undefined) this.#supervisor.adopt(launchOf(worker), holder.pid, holder.start);
  }

  async #chooseExecutor(name: string): Promise<void> {
    const { executors, coordinator, step } = this.#options;
    if (!executors.includes(name)) {
      throw new FleetError('INVALID_RECORD', `executor '${name}' is unknown`, {
        details: { executor: name, known: executors },
        hint: `Known executors: ${executors.join(', ')}`,
      });
    }
    await step(now => coordinator.chooseExecutor(name, now));
  }

  async #chooseShared(names: readonly string[]): Promise<void> {
    const threads = await this.#options.threadsOf(names);
    await this.#options.step(now => this.#options.coordinator.chooseShared(threads, now));
    await this.#options.shared.set(this.#options.coordinator.state.shared);
  }

  /** Ends the commands that a dead worker left running. @throws WORKER_FAILED when the system can't end them */
  async #endLeftCommands({ alias, did, home }: Omit<WorkerLaunch, 'port'>): Promise<void> {
    const left = await endOrphanedCommands(homePaths(home));
    if (left.length > 0)
      throw new FleetError('WORKER_FAILED', `processes of ${alias} do not end: ${left.join(', ')}`, {
        details: { alias, did, left },
      });
  }

  /** Reassigns a worker's work once all of its processes have ended. */
  async #abandon(did: Did, reason: string): Promise<void> {
    const worker = this.#options.coordinator.state.instances.get(did);
    if (worker !== undefined)
      await this.#endLeftCommands(worker).catch((error: unknown) =>
        this.#options.logger.error(messageOf(error)),
      );
    // A worker that was launched again reports its own work.
    if (!this.#supervisor.comesUp(did))
      this.#decide(now => this.#options.coordinator.abandon(did, reason, now));
  }

  #giveUp(did: Did, reason: string): void {
    void this.#abandon(did, reason);
    this.#options.watchers.publish({ kind: 'instance', did });
  }

  #gone(did: Did, reason: string, expected: boolean): void {
    this.#options.unlink(did);
    if (!expected) this.#decide(now => this.#options.coordinator.gone(did, reason, now));
  }

  #decide(decide: (now: number) => void): void {
    this.#options.step(decide).catch((error: unknown) => this.#options.logger.error(messageOf(error)));
  }
}

/** Returns all values once every promise has settled. @throws the error of the first rejected promise in the list */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

function launchOf({ did, alias, home }: Instance): WorkerLaunch {
  return { did, alias, home, port: FIRST_WORKER_PORT + workerNumber(alias) };
}

/** Returns the data to launch a worker that an earlier coordinator launched, with the slots that it had. */
function relaunchOf(instance: Instance): WorkerLaunch {
  return { ...launchOf(instance), ...(instance.slots > 0 && { slots: instance.slots }) };
}

/** Returns the number of `worker-a`, `worker-b`, …; 0 for any other alias. */
function workerNumber(alias: string): number {
  for (let i = 0; i < MAX_WORKERS; i++) if (workerAlias(i) === alias) return i;
  return 0;
}

/** Describes in one line the workers that listen on another port than their default. */
function portNotes(
  workers: readonly { readonly alias: string; readonly endpoint: string | null }[],
): string[] {
  const moved = workers.flatMap(({ alias, endpoint }) => {
    const wanted = FIRST_WORKER_PORT + workerNumber(alias);
    const port = endpoint === null ? wanted : Number(new URL(endpoint).port);
    return port === wanted ? [] : [{ alias, wanted, port }];
  });
  if (moved.length === 0) return [];
  const taken = moved.map(({ wanted }) => wanted).join(', ');
  const now = moved.map(({ alias, port }) => `${alias} listens on ${port}`).join(', ');
  return [
    `${moved.length === 1 ? 'port' : 'ports'} ${taken} ${moved.length === 1 ? 'is' : 'are'} taken; ${now}`,
  ];
}
