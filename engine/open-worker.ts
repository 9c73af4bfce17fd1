import { serveApi } from './http/server.ts';
import { VERSION } from './contract/engine.ts';
import { FleetError, messageOf } from './errors.ts';
import { readConfig, type Config } from './home/config.ts';
import { openHome, type Home } from './home/home.ts';
import { acquireLease } from './home/lease.ts';
import { homePaths } from './home/paths.ts';
import { watchRemoval } from './home/removal.ts';
import { settings } from './home/settings.ts';
import { prepareSocket, resolveSocket } from './home/socket.ts';
import { openFileLog } from './log/file/file-log.ts';
import type { LogReader } from './log/log.ts';
import { allExecutors, DisposableStore, publish, recoveryNotes } from './opened.ts';
import type { Did } from './record/ids.ts';
import { risingClock } from './runtime/clock.ts';
import { environmentReader } from './runtime/coordinator/environments.ts';
import { endNotedCommands } from './runtime/processes/command-notes.ts';
import type { CommandOptions } from './runtime/executors/command.ts';
import type { Executor } from './runtime/executors/executor.ts';
import type { Logger } from './runtime/logger.ts';
import { Launchers } from './runtime/processes/launchers.ts';
import { openOutputStore } from './runtime/output/store.ts';
import { WorkerEngine } from './runtime/worker/worker-engine.ts';
import { withIsolation } from './runtime/worktrees/isolated.ts';
import { recoverWorktrees } from './runtime/worktrees/leftovers.ts';
import { worktreeSettings } from './runtime/worktrees/worktree.ts';

/** The composition root of a worker: here it is chosen which log, link, executors and clock it has. */

/** The number of bytes of attempts' output that a home keeps, the newest first. */
const KEPT_OUTPUT_BYTES = 1024 * 1024 * 1024;

export interface WorkerOptions {
  readonly home: string;
  readonly alias: string;
  readonly port: number;
  readonly coordinator: Did;
  readonly coordinatorHome: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** The number of its slots. Default: the number in its settings. */
  readonly slots?: number;
}

/**
 * Runs a worker until it is told to stop or has nothing left to live for. @returns why it ended.
 * @throws LOG_POISONED when it can't write any more, and what opening a home, its lease, its log and its ports throws.
 */
export async function runWorker(options: WorkerOptions, stop: AbortSignal): Promise<string> {
  const home = await openHome(options.home, { create: true, version: VERSION });
  const config = await workerConfig(home, options.coordinatorHome);
  const chosen = settings({ slots: options.slots }, options.env, config);
  const env = { ...options.env, SPL_SHARED: homePaths(options.coordinatorHome).sharedDir };
  const owned = new DisposableStore();
  try {
    const lease = await acquireLease(home.paths.home);
    owned.add(() => lease.release());
    // Before anything is said of them: who hears of their end may begin them anew.
    for (const left of await endNotedCommands(home.paths.commandsDir))
      options.logger.error(`could not end what an earlier process left: ${left}`);
    let lastAt = 0;
    const closing = new AbortController();
    const launchers = new Launchers(home.paths.commandsDir);
    owned.add(() => launchers.close());
    const commands = { env, commandsDir: home.paths.commandsDir, launchers };
    const output = openOutputStore(home.paths.outputDir, { capBytes: chosen.outputCapBytes });
    const started = risingClock();
    const worker = new WorkerEngine({
      home,
      alias: options.alias,
      slots: chosen.slots,
      coordinator: options.coordinator,
      address: () => coordinatorAddress(options.coordinatorHome, chosen.coordinatorUrl, chosen.token),
      executors: isolating(allExecutors(config, commands), home, config, commands, closing.signal),
      output,
      clock: started,
      logger: options.logger,
      idleExitMs: chosen.workerIdleExitMs,
      stall: chosen.stall,
      environmentOf: environmentReader(homePaths(options.coordinatorHome)),
    });
    const reader: LogReader = {
      restore: checkpoint => worker.restore(checkpoint),
      visit: stored => {
        lastAt = stored.at;
        worker.replay(stored);
      },
    };
    const log = await openFileLog({
      dir: home.paths.logDir,
      checkpointDir: home.paths.indexDir,
      reader,
      now: () => Math.max(lastAt, started.now()),
      epochOwner: home.key.did,
    });
    owned.add(() => log.close());
    owned.add(() => worker.close());
    owned.add(() => Promise.resolve(closing.abort('the worker is ending')));
    if (log.recovery !== null) options.logger.info(recoveryNotes(log).join('; '));
    await recoverWorktrees(home.paths.worktreesDir, what => options.logger.error(what));
    const api = await serveApi({
      engine: {
        ...unanswered,
        report: name => worker.report(name),
        output: request => worker.output(request),
      },
      socketPath: await prepareSocket(home.paths),
      tcp: { host: '127.0.0.1', port: options.port, token: home.token },
      only: ['health', 'output'],
      log: (message, cause) => options.logger.error(`${message}: ${messageOf(cause)}`),
    });
    owned.add(() => api.close());
    await publish(home, api, owned);
    const warmUp = setTimeout(() => void launchers.current().catch(() => undefined), LAUNCHER_DELAY_MS);
    owned.add(() => Promise.resolve(clearTimeout(warmUp)));
    worker.start(log, chosen.advertisedEndpoint ?? api.endpoint);
    const leave = (): void => worker.stop(TERM_GRACE_MS);
    const removal = await watchRemoval(home.paths, error => {
      options.logger.error(`this worker stops: ${error.message}`);
      leave();
    });
    owned.add(() => Promise.resolve(removal.close()));
    stop.addEventListener('abort', leave, { once: true });
    // Told while it was opening.
    if (stop.aborted) leave();
    void output
      .prune(KEPT_OUTPUT_BYTES)
      .catch((error: unknown) => options.logger.error(`could not prune the output: ${messageOf(error)}`));
    return await worker.ended;
  } finally {
    await owned.close();
  }
}

/** A worker's own `config.toml` counts first; what it leaves out, its coordinator's says. */
async function workerConfig({ config }: Home, coordinatorHome: string): Promise<Config> {
  const { fleet, worktree, agents } = await readConfig(homePaths(coordinatorHome).configToml);
  return {
    ...config,
    fleet: { ...fleet, ...config.fleet },
    worktree: { ...worktree, ...config.worktree },
    agents: { ...agents, ...config.agents },
  };
}

/** A worker that lives this long starts its launcher before a command needs it, in milliseconds. */
const LAUNCHER_DELAY_MS = 2_000;

/** The time that a worker lets its attempts go on after SIGTERM, in milliseconds. */
const TERM_GRACE_MS = 1000;

type WorkerCommands = CommandOptions & { readonly env: NodeJS.ProcessEnv };

/** The same executors, those that run commands in worktrees where an attempt asks for it. */
function isolating(
  executors: ReadonlyMap<string, Executor>,
  { paths }: Home,
  config: Config,
  commands: WorkerCommands,
  closing: AbortSignal,
): ReadonlyMap<string, Executor> {
  const options = {
    ...commands,
    closing,
    folder: paths.worktreesDir,
    settings: worktreeSettings(config.worktree),
    now: Date.now,
  };
  return new Map(
    Array.from(executors, ([name, executor]) => [
      name,
      executor.sideEffects ? withIsolation(executor, options) : executor,
    ]),
  );
}

/** The methods of an engine that a worker refuses. */
const unanswered = {
  submit: () =>
    Promise.reject(new FleetError('NOT_FOUND', 'a worker takes no commands; its coordinator does')),
  watch: () => {
    throw new FleetError('NOT_FOUND', 'a worker tells no events; its coordinator does');
  },
} as const;

async function coordinatorAddress(
  coordinatorHome: string,
  url: string | null,
  token: string | null,
): Promise<{ socketPath: string } | { url: string; token: string }> {
  if (url !== null && token !== null) return { url, token };
  return { socketPath: await resolveSocket(homePaths(coordinatorHome)) };
}
