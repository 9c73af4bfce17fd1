import type { FleetStart, FleetStop } from '../../contract/commands.ts';
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
import type { Watchers } from '../../contract/watchers.ts';

export interface FleetControlOptions {
  readonly did: Did;
  readonly home: Home;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The executors that workers have. */
  readonly executors: readonly string[];
  readonly worker: WorkerProgram;
  readonly step: <T>(decide: (now: number) => T) => Promise<T>;
  readonly fleet: () => FleetFacts;
  /** The threads of these names. */
  readonly threadsOf: (names: readonly string[]) => Promise<readonly ThreadId[]>;
  readonly shared: SharedThreads;
  readonly watchers: Watchers;
  readonly unlink: (did: Did) => void;
  readonly onStop: () => void;
}

/** The time that the workers have to come up, in milliseconds. */
const CONVERGE_MS = 30_000;
/** The time that a worker told to stop has beyond its grace, then after SIGTERM, in milliseconds. */
const STOP_SLACK_MS = 2_000;
const TERM_GRACE_MS = 2_000;
/** A grace without end, nearly: 24 days, the longest that a timer waits. */
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
  /** The messages that the next `start` shows to people, once. */
  notes: readonly string[] = [];
  /** The stops that are under way, for who waits until they are through; their states are the supervisor's. */
  readonly #stopping = new Set<Promise<unknown>>();
  #isClosed = false;
  /** Set from the moment that everything is to stop. */
  #isEnding = false;
  /** Settled when a stop that the last coordinator left unfinished is through. */
  #finishing: Promise<void> = Promise.resolve();
  /** Settled when the launches that were asked for last are through. */
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
   * At the coordinator's start: takes over the workers whose processes live, starts those again that died. Where the
   * last coordinator ended in the middle of a stop of everything, the workers are ended instead.
   */
  async resume(): Promise<void> {
    const workers = this.#workers().filter(({ status }) => status !== 'stopped');
    const { paths } = this.#options.home;
    const stopped = await stopMark(paths);
    await Promise.all(workers.map(worker => this.#takeOver(worker, stopped === 'all')));
    if (stopped === 'all') this.#finishStop(workers);
    else await clearStopMark(paths);
  }

  /** The mark stays until it is done, so that it is finished also when this coordinator ends in the middle of it. */
  #finishStop(workers: readonly Instance[]): void {
    this.#finishing = this.#stopAll(workers, 0)
      .then(() => this.#stopUnknown(0))
      .then(() => clearStopMark(this.#options.home.paths))
      .catch((error: unknown) => this.#options.logger.error(messageOf(error)));
  }

  /** A worker has said which process it is: that one counts, whatever was launched last. */
  heard(did: Did): void {
    const instance = this.#options.coordinator.state.instances.get(did);
    if (instance?.pid == null || instance.pidStart === null) return;
    if (this.#supervisor.pidOf(did) === instance.pid) return;
    this.#supervisor.adopt(launchOf(instance), instance.pid, instance.pidStart);
  }

  async #takeOver(instance: Instance, endsAll: boolean): Promise<void> {
    const launch = launchOf(instance);
    const { pid, pidStart } = instance;
    if (pid !== null && pidStart !== null && this.#supervisor.adopt(launch, pid, pidStart)) return;
    // One that was launched just before the last coordinator's end did not get into the log.
    const holder = await readPidFile(homePaths(instance.home).pidFile);
    if (holder !== undefined && this.#supervisor.adopt(launch, holder.pid, holder.start)) return;
    if (pid !== null)
      this.#tell(now =>
        this.#options.coordinator.gone(instance.did, `process ${pid} ended while no coordinator ran`, now),
      );
    if (!endsAll) this.#supervisor.revive(launch);
  }

  /**
   * Raises the number of live workers to `workers`, never lowers it.
   * @throws WORKER_FAILED naming each worker that did not come within 30 s, and why; INVALID_RECORD for an executor
   * that no worker has; for a thread to be shared NOT_FOUND, CONFLICT where its name means several, SCOPE_FORBIDDEN
   * where it is the fleet's own.
   */
  async start(input: FleetStart, signal: AbortSignal | undefined): Promise<FleetStarted> {
    this.#refuseEnding();
    if (input.executor !== null) await this.#chooseExecutor(input.executor);
    if (input.share !== undefined) await this.#chooseShared(input.share);
    const resumed = this.#openFanOuts();
    const { already, launched } = await this.#oneAtATime(() => this.#raise(input.workers));
    const wanted = [...already.map(({ did }) => did), ...launched.map(({ did }) => did)];
    await this.#awaitLive(wanted, signal);
    return this.#started(launched, already, resumed);
  }

  /** @throws UNAVAILABLE while everything stops: what came up now would be left behind. */
  #refuseEnding(): void {
    if (this.#isEnding)
      throw new FleetError('UNAVAILABLE', 'the fleet is being stopped', {
        hint: 'Start it when it has stopped: spl fleet start',
      });
  }

  /** Stops workers and, where asked, the coordinator itself. Answers when the workers are gone. */
  async stop(input: FleetStop): Promise<FleetStopped> {
    const graceMs = input.grace_secs * 1000;
    this.#isEnding ||= input.scope === 'all' && input.instance === null;
    // What is being launched just now is to be stopped as well.
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

  /** The instance of this name that the state knows. */
  #instanceOf(name: string): Instance | undefined {
    try {
      return resolveInstance(this.#options.coordinator.state, name);
    } catch (error) {
      if (FleetError.is(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** Stops a worker that only lies beside the home. @throws NOT_FOUND where there is none of that name. */
  async #stopNamed(name: string, graceMs: number): Promise<FleetStopped['stopped']> {
    const stopped = await this.#stopUnknown(graceMs, name);
    if (stopped.length === 0) resolveInstance(this.#options.coordinator.state, name);
    return stopped;
  }

  /** Marks the home first, so that the stop holds also when this process ends in the middle of it. */
  async #stopForGood(
    end: () => Promise<FleetStopped['stopped']>,
    what: Stopped,
  ): Promise<FleetStopped['stopped']> {
    const { paths } = this.#options.home;
    // The end of an earlier stop takes its own mark away, and must not take this one.
    await this.#finishing;
    // A standby that missed this would go on; that is no reason not to stop.
    await markStopped(paths, what).catch((error: unknown) => this.#options.logger.error(messageOf(error)));
    try {
      return await end();
    } catch (error) {
      // One that goes on is not stopped; one that is ended by something else leaves the stop to the next.
      this.#isEnding = false;
      if (!this.#isClosed) await clearStopMark(paths);
      throw error;
    }
  }

  #stopAll(workers: readonly Instance[], graceMs: number): Promise<FleetStopped['stopped']> {
    return Promise.all(workers.map(worker => this.#stopOne(worker, graceMs)));
  }

  /**
   * Stops the processes that serve homes of workers beside this home and are none of ours, as those of a coordinator
   * whose home was removed.
   * @param name the alias or the DID of the only one that is meant; all are where it is left out
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
      throw new FleetError('CONFLICT', 'a coordinator does not restart itself', {
        hint: 'spl fleet stop --all, then spl fleet start',
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

  /** A worker that is held for hung is ended, with all that it started; its restart tells what it had. */
  async endProcess(did: Did, reason: string): Promise<void> {
    // Silent, and not hung. The rules look again.
    if (this.#supervisor.isOnItsWay(did)) return;
    this.#options.logger.info(`${did} is fenced: ${reason}`);
    this.#options.unlink(did);
    if (!this.#supervisor.isRunning(did)) return this.#abandon(did, reason);
    try {
      await this.#supervisor.end(did, 0);
    } catch (error) {
      this.#options.logger.error(messageOf(error));
      // The system can't end it; what it had must not wait for that.
      this.#tell(now => this.#options.coordinator.abandon(did, reason, now));
    }
  }

  /**
   * A worker of another version that an earlier coordinator launched finishes what runs, and is started anew. One
   * that this coordinator launched stays: the program in its place would be of that version again.
   */
  replaceIfOther(did: Did, version: string): void {
    if (version === VERSION || this.#supervisor.isOurs(did)) return;
    this.#options.logger.info(
      `${did} is of version ${version}, and is replaced by ${VERSION} once it has finished`,
    );
    this.#tell(now => this.#options.coordinator.stop(did, UNTIL_FINISHED_MS, now));
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

  /** Lets go of the workers; they go on. */
  close(): void {
    this.#isClosed = true;
    this.#supervisor.close();
  }

  /** Launches what is missing to the number of workers that is wanted. */
  async #raise(workers: number): Promise<{ already: Instance[]; launched: Launched[] }> {
    this.#refuseEnding();
    await Promise.allSettled(this.#stopping);
    const already = this.#workers().filter(worker => this.#comesUp(worker));
    const missing = Math.max(0, workers - already.length);
    const launched = await allOf(this.#free(missing, already).map(i => this.#launch(i)));
    return { already, launched };
  }

  /** Two that start workers at once must not both find the same one missing. */
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

  /** Live, or on its way up; its status says `stopped` until it has said a word. */
  #comesUp({ did, status }: Instance): boolean {
    return status === 'live' || this.#supervisor.comesUp(did);
  }

  /** The numbers of the first workers that are not there. */
  #free(count: number, present: readonly Instance[]): number[] {
    const taken = new Set(present.map(({ alias }) => alias));
    const free: number[] = [];
    for (let i = 0; free.length < count && i < MAX_WORKERS; i++) if (!taken.has(workerAlias(i))) free.push(i);
    return free;
  }

  async #launch(i: number): Promise<Launched> {
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
    const pid = await this.#launchProcess({ did: key.did, alias, home, port: FIRST_WORKER_PORT + i });
    return { did: key.did, alias, pid, home };
  }

  /** @throws UNAVAILABLE while everything stops, WORKER_FAILED when no process could be made. */
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

  /** Waits until every one of these is live and has said where it listens. */
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
    if (this.#isClosed) throw new FleetError('UNAVAILABLE', 'the coordinator is stopping; its workers go on');
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

  /** Tells whether a process that is not ours serves the home of one of these workers. */
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
      `${failures.length === 1 ? 'a worker' : `${failures.length} workers`} did not come up: ${words.join('; ')}`,
      {
        details: { failures },
        hint: (await this.#isServedByOther(dids))
          ? 'Another fleet left workers in these homes. End them, then start again: spl fleet stop --all'
          : 'Ask spl doctor what is wrong with its log, or see the logs/worker.log in the home of each.',
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

  /** A process that serves a worker's home unknown to us, as that of a coordinator whose home was removed, is ours to end. */
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

  /** Ends what a worker that is gone has left running. @throws WORKER_FAILED when the system can't. */
  async #endLeftCommands({ alias, did, home }: Omit<WorkerLaunch, 'port'>): Promise<void> {
    const left = await endOrphanedCommands(homePaths(home));
    if (left.length > 0)
      throw new FleetError('WORKER_FAILED', `what ${alias} has run does not end: ${left.join(', ')}`, {
        details: { alias, did, left },
      });
  }

  /** Gives what a worker had to others, once nothing of it runs any more. */
  async #abandon(did: Did, reason: string): Promise<void> {
    const worker = this.#options.coordinator.state.instances.get(did);
    if (worker !== undefined)
      await this.#endLeftCommands(worker).catch((error: unknown) =>
        this.#options.logger.error(messageOf(error)),
      );
    // One that was launched again meanwhile tells of it by itself.
    if (!this.#supervisor.comesUp(did))
      this.#tell(now => this.#options.coordinator.abandon(did, reason, now));
  }

  #giveUp(did: Did, reason: string): void {
    void this.#abandon(did, reason);
    this.#options.watchers.publish({ kind: 'instance', did });
  }

  #gone(did: Did, reason: string, expected: boolean): void {
    this.#options.unlink(did);
    if (!expected) this.#tell(now => this.#options.coordinator.gone(did, reason, now));
  }

  #tell(decide: (now: number) => void): void {
    this.#options.step(decide).catch((error: unknown) => this.#options.logger.error(messageOf(error)));
  }
}

/** Returns all values once every promise is settled. @throws the error of the first that failed. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

function launchOf({ did, alias, home }: Instance): WorkerLaunch {
  return { did, alias, home, port: FIRST_WORKER_PORT + workerNumber(alias) };
}

/** The number of `worker-a`, `worker-b`, …; 0 for an alias that is none of these. */
function workerNumber(alias: string): number {
  for (let i = 0; i < MAX_WORKERS; i++) if (workerAlias(i) === alias) return i;
  return 0;
}

/** Says, in one line, which workers listen on another port than that of their place. */
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
