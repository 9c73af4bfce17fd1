import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../../errors.ts';
import { processStart } from '../../system/process-table.ts';
import { endProcess, isRunning, signalProcess, waitUntilGone } from '../../system/processes.ts';
import type { Did } from '../../record/ids.ts';
import { childEnvironment } from '../environment.ts';
import { HEAP_FLAGS } from '../heap.ts';
import type { Logger } from '../logger.ts';
import { next } from '../../domain/model/machine.ts';
import { PROCESS, type ProcessEvent, type ProcessState } from './process-machine.ts';

/** The data needed to launch one worker's process. */
export interface WorkerLaunch {
  readonly did: Did;
  readonly alias: string;
  readonly home: string;
  /** The port to begin with; a taken one moves to the next free. */
  readonly port: number;
}

/** The program that is run for each worker. */
export interface WorkerProgram {
  /** The bundled worker, or its source where the runtime can read that; with its first arguments. */
  readonly command: readonly string[];
  /** Its priority, as `os.setPriority` takes it: 0, or up to 19 to let others go first. All that it runs inherits it. */
  readonly priority: number;
}

export interface SupervisorOptions {
  readonly worker: WorkerProgram;
  readonly coordinator: Did;
  readonly coordinatorHome: string;
  readonly logger: Logger;
  /** A process of a worker is gone; `expected` when it was told to stop. */
  readonly onGone: (did: Did, reason: string, expected: boolean) => void;
  /** A worker will not be started again by itself. */
  readonly onGivenUp: (did: Did, reason: string) => void;
}

interface Watched {
  readonly launch: WorkerLaunch;
  state: ProcessState;
  pid: number;
  start: string | null;
  /** Launched by this process, which is therefore told of its end. */
  isChild: boolean;
  /** Processes of this worker that ended within the last minute, by the time of their end. */
  ends: number[];
  /** Looks at a process that is not our child while its link is down. */
  watch: NodeJS.Timeout | undefined;
  restart: NodeJS.Timeout | undefined;
  /** The reason for which it is not launched again, once it is given up. */
  whyGivenUp: string;
  /** Settled when a process that is being made for it is there, or can't be. */
  spawning: Promise<void>;
  /** The time of its process's launch, by the monotonic clock in ms; undefined once it has been connected. */
  launchedAt: number | undefined;
}

/** In the place of a start time: no process ever has this one. */
const ENDED = 'ended';
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;
const FIRST_BACKOFF_MS = 100;
/** The interval between checks of a process that is not our child while its link is down, in milliseconds. */
const LOOK_MS = 100;
/** The maximum time from the launch of a process to its first message, in milliseconds. */
const START_MS = 10_000;
const KILL_WAIT_MS = 5000;

/**
 * Keeps the processes of local workers: launches them so that they outlive this process, notices their end, and
 * starts them again with a growing pause, at most five times a minute.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #watched = new Map<Did, Watched>();
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Launches a worker. @returns its pid. @throws WORKER_FAILED when no process could be made. */
  async launch(launch: WorkerLaunch): Promise<number> {
    const { pid, start } = await this.#spawn(launch);
    this.#forget(launch.did);
    this.#watched.set(launch.did, watchedFrom(launch, 'up', { pid, start, isChild: true }));
    this.#noticeEarlyEnd(launch.did, pid);
    return pid;
  }

  /**
   * Takes over a process that an earlier coordinator launched, from now on instead of any other.
   * @returns false when it runs no more.
   */
  adopt(launch: WorkerLaunch, pid: number, start: string): boolean {
    if (!isRunning({ pid, start })) return false;
    const known = this.#watched.get(launch.did);
    if (known?.pid === pid) return true;
    this.#forget(launch.did);
    const watched = watchedFrom(launch, 'up', { pid, start, isChild: false });
    this.#watched.set(launch.did, watched);
    this.#look(watched);
    return true;
  }

  /** Starts a worker whose process ended while nobody watched. */
  revive(launch: WorkerLaunch): void {
    const watched = watchedFrom(launch, 'due', { pid: 0, start: null, isChild: false });
    this.#watched.set(launch.did, watched);
    this.#spawnLater(watched, 0);
  }

  /** A link went down: a process that is not our child may have ended. */
  linkLost(did: Did): void {
    const watched = this.#watched.get(did);
    if (watched !== undefined && !watched.isChild) this.#look(watched);
  }

  /** The end of this worker is wanted from now on. */
  expectEnd(did: Did): void {
    const watched = this.#watched.get(did);
    if (watched === undefined) return;
    move(watched, 'told to end');
    clearTimeout(watched.restart);
  }

  /** Tells whether this process launched the running process of this worker, or is about to launch one. */
  isOurs(did: Did): boolean {
    const watched = this.#watched.get(did);
    return watched !== undefined && (watched.isChild || isComing(watched));
  }

  /** Tells whether a process of this worker runs. */
  isRunning(did: Did): boolean {
    const watched = this.#watched.get(did);
    return watched !== undefined && isRunning(watched);
  }

  /** Tells whether a process of this worker runs and is to stay, or is about to be launched again. */
  comesUp(did: Did): boolean {
    const watched = this.#watched.get(did);
    if (watched === undefined) return false;
    return isComing(watched) || (watched.state === 'up' && isRunning(watched));
  }

  /** Tells whether a worker is silent because its process waits to be launched, or was launched a moment ago. */
  isOnItsWay(did: Did): boolean {
    const watched = this.#watched.get(did);
    if (watched === undefined) return false;
    const { launchedAt } = watched;
    return isComing(watched) || (launchedAt !== undefined && performance.now() - launchedAt < START_MS);
  }

  /** Returns why a worker is not started again by itself; undefined while it is. */
  whyGivenUp(did: Did): string | undefined {
    const watched = this.#watched.get(did);
    return watched?.state === 'given up' ? watched.whyGivenUp : undefined;
  }

  pidOf(did: Did): number | undefined {
    return this.#watched.get(did)?.pid;
  }

  /** Ends a worker's process: SIGTERM and, after the grace, SIGKILL. @returns how it ended once it is gone. */
  async end(did: Did, termGraceMs: number): Promise<'terminated' | 'killed' | 'gone'> {
    const watched = this.#watched.get(did);
    // A process that is just being made is not yet known by its number.
    await watched?.spawning;
    if (watched === undefined || !this.isRunning(did)) return 'gone';
    // The one that runs now: another may be launched in its place as soon as it has ended.
    const { pid, start, launch } = watched;
    const how = await endProcess({ pid, start }, { graceMs: termGraceMs, killMs: KILL_WAIT_MS });
    if (how !== null) return how;
    throw new FleetError('WORKER_FAILED', `process ${pid} of ${launch.alias} does not end`, {
      details: { pid },
    });
  }

  /**
   * Whoever waits for a process finds that everybody has heard of its end: its event may come after another process has taken
   * its place, and would be taken for the end of that one.
   * @returns true as soon as the worker's present process is gone, false when it still runs after the time.
   */
  async awaitGone(did: Did, timeoutMs: number): Promise<boolean> {
    const watched = this.#watched.get(did);
    if (watched === undefined) return true;
    const { pid, start } = watched;
    const gone = await waitUntilGone({ pid, start }, timeoutMs);
    if (gone) this.#ended(did, pid, 'ended');
    return gone;
  }

  /** Forgets everything; the processes go on. */
  close(): void {
    this.#closed = true;
    for (const watched of this.#watched.values()) {
      clearInterval(watched.watch);
      clearTimeout(watched.restart);
    }
    this.#watched.clear();
  }

  async #spawn(launch: WorkerLaunch): Promise<{ pid: number; start: string }> {
    let log: fs.FileHandle | undefined;
    try {
      const logFile = path.join(launch.home, 'logs', 'worker.log');
      await makeLogs(path.dirname(logFile));
      log = await fs.open(logFile, 'a', 0o600);
      const child = spawn(process.execPath, this.#arguments(launch), {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: childEnvironment(),
        cwd: launch.home,
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.unref();
      const pid = child.pid!;
      giveWay(pid, this.#options.worker.priority);
      child.once('exit', (code, name) =>
        this.#ended(launch.did, pid, name === null ? `exited with code ${code}` : `was ended by ${name}`),
      );
      return { pid, start: processStart(pid) ?? ENDED };
    } catch (cause) {
      throw new FleetError('WORKER_FAILED', `could not launch ${launch.alias}: ${messageOf(cause)}`, {
        details: { alias: launch.alias },
        cause,
      });
    } finally {
      await log?.close();
    }
  }

  /** Looks after this worker's process, or its restart, no more. */
  #forget(did: Did): void {
    const watched = this.#watched.get(did);
    clearInterval(watched?.watch);
    clearTimeout(watched?.restart);
  }

  /** A process may end before it was written down here, and then nobody heard of it. */
  #noticeEarlyEnd(did: Did, pid: number): void {
    if (!this.isRunning(did)) this.#ended(did, pid, 'ended at once');
  }

  #arguments(launch: WorkerLaunch): string[] {
    const { worker, coordinator, coordinatorHome } = this.#options;
    return [
      ...HEAP_FLAGS,
      ...worker.command,
      ...['--home', launch.home, '--alias', launch.alias, '--port', String(launch.port)],
      ...['--coordinator', coordinator, '--coordinator-home', coordinatorHome],
    ];
  }

  #look(watched: Watched): void {
    clearInterval(watched.watch);
    const check = (): void => {
      if (isRunning(watched)) return;
      clearInterval(watched.watch);
      this.#ended(watched.launch.did, watched.pid, 'ended');
    };
    watched.watch = setInterval(check, LOOK_MS);
    watched.watch.unref();
    check();
  }

  /** A worker is connected again: its process need not be looked at. */
  linked(did: Did): void {
    const watched = this.#watched.get(did);
    if (watched === undefined) return;
    clearInterval(watched.watch);
    watched.launchedAt = undefined;
  }

  #ended(did: Did, pid: number, how: string): void {
    const watched = this.#watched.get(did);
    if (this.#closed || watched === undefined || watched.pid !== pid || watched.start === null) return;
    clearInterval(watched.watch);
    watched.start = null;
    const reason = `process ${pid} ${how}`;
    this.#options.logger.info(`${watched.launch.alias}: ${reason}`);
    const ends = noteEnd(watched);
    move(watched, ends > MAX_RESTARTS ? 'exited too often' : 'exited');
    this.#options.onGone(did, reason, watched.state === 'ended');
    if (watched.state === 'due') this.#spawnLater(watched, FIRST_BACKOFF_MS * 2 ** (ends - 1));
    if (watched.state === 'given up')
      this.#giveUp(watched, `${reason}, for the ${ends}th time within a minute`);
  }

  #giveUp(watched: Watched, reason: string): void {
    watched.whyGivenUp = reason;
    this.#options.onGivenUp(watched.launch.did, reason);
  }

  #spawnLater(watched: Watched, delayMs: number): void {
    watched.restart = setTimeout(() => {
      if (this.#closed || !move(watched, 'spawn')) return;
      watched.spawning = this.#spawn(watched.launch).then(
        ({ pid, start }) => {
          Object.assign(watched, {
            pid,
            start,
            isChild: true,
            launchedAt: performance.now(),
          });
          move(watched, 'spawned');
          // Told to end while it was being launched, or launched once more meanwhile: it has not begun anything.
          const isReplaced = this.#watched.get(watched.launch.did) !== watched;
          if (watched.state === 'ending' || isReplaced) signalProcess(watched, 'SIGKILL');
          this.#noticeEarlyEnd(watched.launch.did, pid);
        },
        (error: unknown) => {
          move(watched, 'failed');
          this.#options.logger.error(messageOf(error));
          this.#giveUp(watched, messageOf(error));
        },
      );
    }, delayMs);
  }
}

/** In a home that was removed nothing is made anew: a part of one would keep a whole one from being made. */
async function makeLogs(folder: string): Promise<void> {
  await fs.mkdir(folder, { mode: 0o700 }).catch((cause: unknown) => {
    if (systemCodeOf(cause) === 'EEXIST') return;
    throw systemCodeOf(cause) === 'ENOENT' ? new Error(`its home '${path.dirname(folder)}' is gone`) : cause;
  });
}

function giveWay(pid: number, priority: number): void {
  if (priority === 0) return;
  try {
    setPriority(pid, priority);
  } catch {
    // It has already ended, which is told elsewhere.
  }
}

/** Moves a process on by the table. @returns whether the event means anything in its state */
function move(watched: Watched, event: ProcessEvent): boolean {
  const to = next(PROCESS, watched.state, event);
  if (to !== null) watched.state = to;
  return to !== null;
}

/** Tells whether a process is about to be launched, or being launched, to stay. */
const isComing = ({ state }: Watched): boolean => state === 'due' || state === 'spawning';

/** Notes the end of a process. @returns the number of those that ended lately, with it */
function noteEnd(watched: Watched): number {
  const now = performance.now();
  watched.ends = [...watched.ends.filter(end => now - end < RESTART_WINDOW_MS), now];
  return watched.ends.length;
}

function watchedFrom(
  launch: WorkerLaunch,
  state: ProcessState,
  process_: Pick<Watched, 'pid' | 'start' | 'isChild'>,
): Watched {
  return {
    launch,
    state,
    ...process_,
    ends: [],
    watch: undefined,
    restart: undefined,
    whyGivenUp: '',
    spawning: Promise.resolve(),
    launchedAt: process_.isChild ? performance.now() : undefined,
  };
}
