import * as path from 'node:path';
import { serveApi } from './http/server.ts';
import { VERSION, type JoinFault } from './contract/engine.ts';
import { FleetError, messageOf } from './errors.ts';
import { celCompiler } from './domain/join/cel.ts';
import { Coordinator } from './domain/coordinator/coordinator.ts';
import { parsePredicate } from './domain/model/predicate.ts';
import type { Flags } from './home/settings.ts';
import { settings } from './home/settings.ts';
import { listeningOf } from './home/listening.ts';
import { openHome, type Home } from './home/home.ts';
import type { Lease } from './home/held-lease.ts';
import { acquireLease, waitForLease } from './home/lease.ts';
import { homePaths } from './home/paths.ts';
import { watchRemoval } from './home/removal.ts';
import { prepareSocket } from './home/socket.ts';
import { stopMark } from './home/stop-mark.ts';
import { openIndex } from './log/index/index.ts';
import { openState, type OpenedState } from './open-state.ts';
import { allExecutors, besideThis, DisposableStore, isSource, publish, recoveryNotes } from './opened.ts';
import type { Did } from './record/ids.ts';
import { CoordinatorEngine } from './runtime/coordinator/coordinator-engine.ts';
import type { Executor } from './runtime/executors/executor.ts';
import { waitUntilIdle } from './runtime/coordinator/linger.ts';
import { streamLogger, type Logger } from './runtime/logger.ts';
import { Tokens } from './runtime/coordinator/tokens.ts';
import { worktreeSettings } from './runtime/worktrees/worktree.ts';

export { readHome, type HomeReader } from './read-home.ts';

/** The composition root of a coordinator: here, and nowhere else, it is chosen which log, links and clock it has. */

const FIRST_PORT = 9100;
export interface CoordinatorOptions {
  readonly home: string;
  readonly flags: Flags;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Called when somebody asked for the coordinator to stop, or, with the cause, when it can't go on. */
  readonly onStop: (error?: Error) => void;
  /** True to listen on the loopback port as well as on the socket. Default: true. */
  readonly listen?: boolean;
  /** The priority of the workers that it launches, 0 to 19: more lets others go first. Default: 0, as this process. */
  readonly workerPriority?: number;
  /** The home's lease, where it is held already. It is let go with the rest, and when the home can't be opened. */
  readonly lease?: Lease;
}

export interface RunningCoordinator {
  readonly engine: CoordinatorEngine;
  /** The messages for people: a port that was taken, a log that was cut. */
  readonly notes: readonly string[];
  /** Lets go of everything, the home's lease last; the workers go on. */
  close(): Promise<void>;
}

/**
 * Opens a home as its coordinator: lease, log, state, API, then the rules.
 * @throws LEASE_HELD when another process has the home; HOME_INVALID, HOME_NEWER, LOG_DAMAGED, LOG_SHORT.
 */
export async function openCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  return bringUp(await prepare(options), options);
}

/**
 * Opens a home whose last coordinator is gone, where one of its fan-outs is still open.
 * @returns undefined, with everything let go, where none is.
 * @throws as `openCoordinator`.
 */
export async function takeOver(
  options: CoordinatorOptions & { readonly lease: Lease },
): Promise<RunningCoordinator | undefined> {
  const prepared = await prepare(options);
  if (prepared.state.fleet.open.size > 0) return bringUp(prepared, options);
  await prepared.owned.close();
  return undefined;
}

/** A home that is ours, with what its log says. */
interface Prepared extends OpenedState {
  readonly home: Home;
  readonly owned: DisposableStore;
}

async function prepare(options: CoordinatorOptions): Promise<Prepared> {
  const owned = new DisposableStore();
  try {
    const { lease } = options;
    if (lease !== undefined) owned.add(() => lease.release());
    const home = await openHome(options.home, { create: true, version: VERSION });
    if (lease === undefined) {
      const taken = await takeLease(home.paths.home);
      owned.add(() => taken.release());
    }
    const opened = await openState(home);
    owned.add(() => opened.log.close());
    if (opened.log.recovery !== null) options.logger.info(recoveryNotes(opened.log).join('; '));
    return { ...opened, home, owned };
  } catch (error) {
    await owned.close().catch(() => undefined);
    throw error;
  }
}

/** The time to wait for a home's lease while its holder serves nobody, in milliseconds. */
const BETWEEN_MS = 3000;
/** The interval between checks meanwhile whether the holder serves by now, in milliseconds. */
const LOOK_MS = 100;

/** Takes the lease. Waits for a holder that serves nobody: it opens the home, or is letting go of it. */
async function takeLease(home: string): Promise<Lease> {
  const deadline = performance.now() + BETWEEN_MS;
  for (;;) {
    try {
      return await acquireLease(home);
    } catch (error) {
      const serves = !FleetError.is(error, 'LEASE_HELD') || error.details['pid'] !== null;
      if (serves || performance.now() > deadline) throw error;
      const freed = await waitForLease(home, AbortSignal.timeout(LOOK_MS)).catch(() => undefined);
      if (freed !== undefined) return freed;
    }
  }
}

/** The rules, the API and the links, on a home that is ours. */
async function bringUp(prepared: Prepared, options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { home, owned, log, clock, state } = prepared;
  try {
    const chosen = settings(options.flags, options.env, home.config);
    const executors = allExecutors(home.config, options.env);
    requireExecutor(chosen.executor, executors);
    const records = openIndex({
      logDir: home.paths.logDir,
      file: path.join(home.paths.indexDir, 'records.sqlite'),
      workerFile: besideThis('index-thread.js', './log/index/thread.ts'),
      log,
    });
    const tokens = await Tokens.open({ file: home.paths.tokensFile, now: Date.now });
    owned.add(() => Promise.resolve(tokens.close()));
    const coordinator = new Coordinator({
      self: home.key.did,
      cel: celCompiler,
      heartbeatMs: chosen.heartbeatIntervalMs,
      state: state.fleet,
    });
    const engine = new CoordinatorEngine({
      home,
      coordinator,
      log,
      clock,
      logger: options.logger,
      cel: celCompiler,
      heartbeatMs: chosen.heartbeatIntervalMs,
      defaultExecutor: chosen.executor,
      defaultTimeoutSecs: chosen.timeoutSecs,
      executors,
      worktree: worktreeSettings(home.config.worktree),
      worker: { command: workerCommand(), priority: options.workerPriority ?? 0 },
      records,
      tokens,
      checkpointed: log.opening.replayedFrom,
      onStop: options.onStop,
    });
    owned.add(() => engine.close());
    const listening = await listeningOf(chosen.host, home.config.server, home.paths.home);
    const tcp =
      options.listen === false
        ? null
        : { ...listening, port: chosen.port ?? FIRST_PORT, token: home.token, tokens };
    const api = await serveApi({
      engine,
      socketPath: await prepareSocket(home.paths),
      tcp,
      upgrade: (request, socket, head) => engine.acceptLink(request, socket, head),
      log: (message, cause) => options.logger.error(`${message}: ${messageOf(cause)}`),
    });
    owned.add(() => api.close());
    await publish(home, api, owned);
    const removal = await watchRemoval(home.paths, error => {
      options.logger.error(`this coordinator stops: ${error.message}`);
      options.onStop(error);
    });
    owned.add(() => Promise.resolve(removal.close()));
    const said = tcp === null ? [] : listening.notes;
    const notes = [...recoveryNotes(log), ...api.notes, ...said, ...home.config.warnings];
    await engine.start(chosen.advertisedEndpoint ?? api.endpoint, notes);
    return {
      engine,
      notes,
      close: () => owned.close(),
    };
  } catch (error) {
    // What went wrong first is what people should hear.
    await owned.close().catch(() => undefined);
    throw error;
  }
}

/** @throws HOME_INVALID for the name of an executor that no worker has: every subtask that names none would be refused. */
function requireExecutor(name: string, executors: ReadonlyMap<string, Executor>): void {
  if (executors.has(name)) return;
  const known = [...executors.keys()];
  throw new FleetError('HOME_INVALID', `[fleet] executor '${name}' is unknown`, {
    details: { executor: name, known },
    hint: `The executors are ${known.join(', ')}.`,
  });
}

/**
 * Checks a join predicate as a fan-out of `total` subtasks would, without a fleet.
 * @returns null when it would be accepted.
 */
export function checkJoin(text: string, total: number): JoinFault | null {
  try {
    parsePredicate(text, total, celCompiler);
    return null;
  } catch (thrown) {
    if (!FleetError.is(thrown, 'INVALID_RECORD')) throw thrown;
    const { position = 0, length = 0 } = thrown.details as { position?: number; length?: number };
    return { message: thrown.message, position, length };
  }
}

export interface ServeOptions {
  readonly home: string;
  readonly port: number | null;
  readonly echo: boolean;
  /** The time after which it ends with its workers once no fan-out is open, in seconds; null for never. */
  readonly lingerSecs: number | null;
}

/** Runs a coordinator in this process until a signal or a request ends it. @returns the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const logger = streamLogger(process.stdout, Date.now);
  let stop = (_code: number): void => {};
  const stopped = new Promise<number>(resolve => (stop = resolve));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(0));
  const closing = new AbortController();
  const flags = options.port === null ? {} : { port: options.port };
  const running = await openCoordinator({
    home: options.home,
    flags,
    env: process.env,
    logger,
    onStop: error => stop(error === undefined ? 0 : 1),
  });
  try {
    for (const note of running.notes) logger.info(note);
    const health = await running.engine.report('health', {});
    logger.info(`coordinator ${health.did} on ${health.endpoint ?? 'its socket'} (home=${options.home})`);
    if (options.echo) {
      await running.engine.submit(
        'fleet.start',
        { workers: 1, executor: 'echo' },
        { actor: health.did as Did },
      );
    }
    if (options.lingerSecs !== null)
      void endWhenIdle(running.engine, options.lingerSecs * 1000, closing.signal).catch((error: unknown) =>
        logger.error(messageOf(error)),
      );
    return await stopped;
  } finally {
    closing.abort();
    await running.close();
  }
}

/** Stops the fleet once it has been idle for this time, unless somebody has started it for more than one run. */
async function endWhenIdle(engine: CoordinatorEngine, lingerMs: number, signal: AbortSignal): Promise<void> {
  await waitUntilIdle(engine, lingerMs, signal);
  if (signal.aborted || engine.isWanted) return;
  await engine.submit('fleet.stop', { scope: 'all', instance: null, grace_secs: 10 }, { actor: engine.did });
}

export interface StandInOptions {
  readonly home: string;
  /** The home's lease, which is let go at the end. */
  readonly lease: Lease;
  /** The time that it keeps serving once no fan-out is open, in milliseconds. */
  readonly lingerMs: number;
  /** Aborts when it is asked to end. */
  readonly signal: AbortSignal;
}

/**
 * Serves, in this process, a home whose coordinator is gone, for as long as one of its fan-outs is open; not at all when
 * somebody had asked that coordinator to stop. @returns the exit code.
 */
export async function standIn({ home, lease, lingerMs, signal }: StandInOptions): Promise<number> {
  const logger = streamLogger(process.stdout, Date.now);
  if ((await stopMark(homePaths(home))) !== null) {
    await lease.release();
    logger.info('standby: the coordinator was asked to stop');
    return 0;
  }
  let end = (_code: number): void => {};
  const ended = new Promise<number>(resolve => (end = resolve));
  const running = await takeOver({
    ...{ home, lease, flags: {}, env: process.env, logger },
    onStop: error => end(error === undefined ? 0 : 1),
  });
  if (running === undefined) {
    logger.info('standby: no fan-out is open');
    return 0;
  }
  try {
    for (const note of running.notes) logger.info(note);
    logger.info(`standby: took over, ${running.engine.openFanOuts} fan-outs are open (home=${home})`);
    void waitUntilIdle(running.engine, lingerMs, signal).then(() => end(0));
    return await ended;
  } finally {
    await running.close();
  }
}

/** The built worker beside the built `spl`; from source, the source with the loader that this process has. */
function workerCommand(): string[] {
  return [...(isSource() ? process.execArgv : []), besideThis('worker.js', './bin/worker.ts')];
}
