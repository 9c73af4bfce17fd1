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
  /** The first port to try; if it is taken, the worker uses the next free one. */
  readonly port: number;
  /** The number of its slots; absent for the number in its settings. */
  readonly slots?: number;
}

/** The program of each worker. */
export interface WorkerProgram {
  /** The bundled worker, or its source where the runtime can run it, with its first arguments. */
  readonly command: readonly string[];
  /** Its priority for `os.setPriority`: 0, or up to 19 to yield to other processes. Its child processes inherit it. */
  readonly priority: number;
}

export interface SupervisorOptions {
  readonly worker: WorkerProgram;
  readonly coordinator: Did;
  readonly coordinatorHome: string;
  readonly logger: Logger;
  /** Called when a worker's process is gone; `expected` when the process was told to end. */
  readonly onGone: (did: Did, reason: string, expected: boolean) => void;
  /** Called when the supervisor stops restarting a worker. */
  readonly onGivenUp: (did: Did, reason: string) => void;
}

interface Watched {
  readonly launch: WorkerLaunch;
  state: ProcessState;
  pid: number;
  start: string | null;
  /** True for a process that this process launched, and whose end it therefore notices. */
  isChild: boolean;
  /** The end times of this worker's processes within the last minute. */
  ends: number[];
  /** Polls a process that is not our child while its link is down. */
  watch: NodeJS.Timeout | undefined;
  restart: NodeJS.Timeout | undefined;
  /** The reason why it was given up. */
  whyGivenUp: string;
  /** Resolves when the process being launched exists, or could not be launched. */
  spawning: Promise<void>;
  /** The launch time of its process, by the monotonic clock in ms; undefined once it has connected. */
  launchedAt: number | undefined;
}

/** A start time that no process ever has. */
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
 * Supervises the processes of local workers. Launches them so that they outlive this process, notices their end, and
 * restarts them with a growing pause, at most five times a minute.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #watched = new Map<Did, Watched>();
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Launches a worker. @returns its pid @throws WORKER_FAILED when no process could be launched */
  async launch(launch: WorkerLaunch): Promise<number> {
    const { pid, start } = await this.#spawn(launch);
    this.#forget(launch.did);
    this.#watched.set(launch.did, watchedFrom(launch, 'up', { pid, start, isChild: true }));
    this.#noticeEarlyEnd(launch.did, pid);
    return pid;
  }

  /**
   * Adopts a process that an earlier coordinator launched, in place of any other process of the worker.
   * @returns false when it no longer runs
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

  /** Restarts a worker whose process ended while no coordinator ran. */
  revive(launch: WorkerLaunch): void {
    const watched = watchedFrom(launch, 'due', { pid: 0, start: null, isChild: false });
    this.#watched.set(launch.did, watched);
    this.#spawnLater(watched, 0);
  }

  /** Checks a process that is not our child after its link went down: it may have ended. */
  linkLost(did: Did): void {
    const watched = this.#watched.get(did);
    if (watched !== undefined && !watched.isChild) this.#look(watched);
  }

  /** Marks the next end of this worker as expected. */
  expectEnd(did: Did): void {
    const watched = this.#watched.get(did);
    if (watched === undefined) return;
    move(watched, 'told to end');
    clearTimeout(watched.restart);
  }

  /** Returns true when this process launched the worker's running process, or is about to launch one. */
  isOurs(did: Did): boolean {
    const watched = this.#watched.get(did);
    return watched !== undefined && (watched.isChild || isComing(watched));
  }

  /** Returns true when a process of this worker runs. */
  isRunning(did: Did): boolean {
    const watched = this.#watched.get(did);
    return watched !== undefined && isRunning(watched);
  }

  /** Returns true when a process of this worker runs and is to keep running, or is about to be launched again. */
  comesUp(did: Did): boolean {
    const watched = this.#watched.get(did);
    if (watched === undefined) return false;
    return isComing(watched) || (watched.state === 'up' && isRunning(watched));
  }

  /** Returns true when a worker is silent because its process waits for launch or was just launched. */
  isOnItsWay(did: Did): boolean {
    const watched = this.#watched.get(did);
    if (watched === undefined) return false;
    const { launchedAt } = watched;
    return isComing(watched) || (launchedAt !== undefined && performance.now() - launchedAt < START_MS);
  }

  /** Returns why a worker is no longer restarted; undefined while it is. */
  whyGivenUp(did: Did): string | undefined {
    const watched = this.#watched.get(did);
    return watched?.state === 'given up' ? watched.whyGivenUp : undefined;
  }

  pidOf(did: Did): number | undefined {
    return this.#watched.get(did)?.pid;
  }

  /** Ends a worker's process: sends SIGTERM and, after the grace, SIGKILL. @returns how it ended, once it is gone */
  async end(did: Did, termGraceMs: number): Promise<'terminated' | 'killed' | 'gone'> {
    const watched = this.#watched.get(did);
    // The pid of a process that is being launched is not yet known.
    await watched?.spawning;
    if (watched === undefined || !this.isRunning(did)) return 'gone';
    // Remember the running process: another one may be launched as soon as it has ended.
    const { pid, start, launch } = watched;
    const how = await endProcess({ pid, start }, { graceMs: termGraceMs, killMs: KILL_WAIT_MS });
    if (how !== null) return how;
    throw new FleetError('WORKER_FAILED', `process ${pid} of ${launch.alias} does not end`, {
      details: { pid },
    });
  }

  /**
   * Waits for the end of the worker's present process and handles it before it returns. The process's own end event may
   * come after another process was launched, and would then be taken for that one's end.
   * @returns true when the process is gone, false when it still runs after the time
   */
  async awaitGone(did: Did, timeoutMs: number): Promise<boolean> {
    const watched = this.#watched.get(did);
    if (watched === undefined) return true;
    const { pid, start } = watched;
    const gone = await waitUntilGone({ pid, start }, timeoutMs);
    if (gone) this.#ended(did, pid, 'ended');
    return gone;
  }

  /** Stops supervising. The processes keep running. */
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

  /** Stops watching this worker's process and cancels its restart. */
  #forget(did: Did): void {
    const watched = this.#watched.get(did);
    clearInterval(watched?.watch);
    clearTimeout(watched?.restart);
  }

  /** Handles the end of a process that ended before its pid was recorded here. */
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
      ...(launch.slots === undefined ? [] : ['--slots', String(launch.slots)]),
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

  /** Stops polling the process of a worker that is connected again. */
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
          // The process was told to end during its launch, or was launched again. It has started no work yet.
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

/** Creates no folder in a home that was removed: a partial home would prevent the creation of a complete one. */
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
    // The process has already ended; its end is reported elsewhere.
  }
}

/** Moves a process on by the table. @returns false when the event has no meaning in its state */
function move(watched: Watched, event: ProcessEvent): boolean {
  const to = next(PROCESS, watched.state, event);
  if (to !== null) watched.state = to;
  return to !== null;
}

/** Returns true when a process is being launched, or about to be launched, to keep running. */
const isComing = ({ state }: Watched): boolean => state === 'due' || state === 'spawning';

/** Records the end of a process. @returns the number of recent ends, including this one */
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
