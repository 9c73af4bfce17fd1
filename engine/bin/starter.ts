import { spawn, type ChildProcess } from 'node:child_process';
import { realpathSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '../client/client.ts';
import type { AwaitGoneOptions, EnsureOptions, Starter } from '../cli/host.ts';
import { VERSION } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import { openHome } from '../home/home.ts';
import { liveWorkers } from '../home/live-workers.ts';
import { homePaths, type HomePaths } from '../home/paths.ts';
import { readPidFile } from '../home/pid-file.ts';
import { argumentsOf, processStart } from '../system/process-table.ts';
import { endProcess, isRunning, waitUntilGone } from '../system/processes.ts';
import { waitUntil } from '../system/wait.ts';
import { resolveSocket } from '../home/socket.ts';
import { withoutRepository } from '../runtime/environment.ts';
import { HEAP_FLAGS } from '../runtime/heap.ts';
import { closeInheritedFiles } from '../runtime/processes/inherited-files.ts';
import { hangs } from './hang.ts';
import { loadCoordinator } from './load-coordinator.ts';
import { standBy } from './standby.ts';

/** The time that a coordinator may take to answer, in milliseconds. */
const START_MS = 30_000;
/** The time limit of an answer from a running coordinator, in milliseconds. */
const HANG_MS = 10_000;
/**
 * The time to keep asking after the started process has ended, in milliseconds: another coordinator may have won the
 * race.
 */
const AFTERLIFE_MS = 2_000;
/** The time that a coordinator may take to end on SIGTERM, and the system to end a killed one, in milliseconds. */
const END_MS = 3_000;
/** The size above which a log is renamed at the next start. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** The `spl` file that coordinators run, and their environment. */
export interface Program {
  readonly file: string;
  /** The options of Node.js before the file. */
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The file of this process, with symbolic links resolved. */
const ownProgram: Program = {
  get file() {
    return realpathSync(process.argv[1]!);
  },
  execArgv: process.execArgv,
  env: process.env,
};

/** Starts coordinators as separate processes, from the file of this process. */
export const processStarter: Starter = starterOf(ownProgram);

/** Starts coordinators as separate processes, from this program. */
export function starterOf(program: Program): Starter {
  return {
    ensureCoordinator: options => ensureCoordinator(program, options),
    async serve(options) {
      closeInheritedFiles();
      const { serve } = await loadCoordinator();
      return serve(options);
    },
    standBy(options) {
      closeInheritedFiles();
      return standBy(options);
    },
    awaitGone: options => awaitGone(program, options),
    async stopLeft(options) {
      const { stopOrphanedWorkers } = await import('./orphaned-workers.ts');
      return stopOrphanedWorkers(options);
    },
    workersOf: async home => (await liveWorkers(home)).map(({ alias, pid }) => ({ alias, pid })),
  };
}

async function ensureCoordinator(
  program: Program,
  options: EnsureOptions,
): Promise<{ spawned: boolean; pid: number }> {
  const paths = homePaths(options.home);
  const running = await askPid(paths, options.signal, HANG_MS);
  if (running !== undefined) return { spawned: false, pid: running };
  // Made here, so that an invalid folder is reported to the user.
  await openHome(options.home, { create: true, version: VERSION });
  const logFile = join(paths.logsDir, 'coordinator.log');
  const daemon = await launch(program, options, logFile);
  const pid = await untilAnswering(daemon, paths, logFile, options.signal);
  return { spawned: pid === daemon.pid, pid };
}

async function launch(
  { file, execArgv, env }: Program,
  { home, port, echo, lingerSecs }: EnsureOptions,
  logFile: string,
): Promise<ChildProcess> {
  await setAside(logFile);
  const log = await fs.open(logFile, 'a', 0o600);
  try {
    const words = ['serve', '--home', home, ...(port === null ? [] : ['--port', String(port)])];
    if (lingerSecs !== null) words.push('--linger', String(lingerSecs));
    const child = spawn(
      process.execPath,
      [...HEAP_FLAGS, ...execArgv, file, ...words, ...(echo ? ['--echo'] : [])],
      { detached: true, cwd: '/', env: withoutRepository(env), stdio: ['ignore', log.fd, log.fd] },
    );
    child.unref();
    child.on('error', () => undefined);
    return child;
  } finally {
    await log.close();
  }
}

async function setAside(logFile: string): Promise<void> {
  const stats = await fs.stat(logFile).catch(() => undefined);
  if (stats !== undefined && stats.size > MAX_LOG_BYTES) await fs.rename(logFile, `${logFile}.1`);
}

async function untilAnswering(
  daemon: ChildProcess,
  paths: HomePaths,
  logFile: string,
  signal: AbortSignal,
): Promise<number> {
  let deadline = performance.now() + START_MS;
  daemon.once('exit', () => (deadline = Math.min(deadline, performance.now() + AFTERLIFE_MS)));
  daemon.once('error', () => (deadline = 0));
  let pid: number | undefined;
  const isAnswered = async (): Promise<boolean> => {
    pid = await askPid(paths, signal);
    if (pid === undefined && performance.now() > deadline) throw await notStarted(daemon, logFile);
    return pid !== undefined;
  };
  await waitUntil(isAnswered, { withinMs: Infinity, signal });
  return pid!;
}

/** Returns the pid of the coordinator at the home's socket; undefined without one. */
async function askPid(
  paths: HomePaths,
  signal: AbortSignal,
  timeoutMs = START_MS,
): Promise<number | undefined> {
  let socketPath: string;
  try {
    socketPath = await resolveSocket(paths);
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE')) return undefined;
    throw thrown;
  }
  const client = connect({ socketPath }, { timeoutMs, brief: true });
  try {
    return (await client.report('health', {}, signal)).pid;
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE')) return undefined;
    if (FleetError.is(thrown, 'TIMED_OUT')) throw hangs((await readPidFile(paths.pidFile))?.pid, thrown);
    throw thrown;
  } finally {
    await client.close();
  }
}

const ERROR = 'error: ';

async function notStarted(daemon: ChildProcess, logFile: string): Promise<FleetError> {
  const log = await fs.readFile(logFile, 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-5);
  const ended = daemon.exitCode ?? daemon.signalCode;
  const what = ended === null ? `did not answer within ${START_MS / 1000} s` : `ended with ${ended}`;
  // The last lines are an error and its hint; the hint alone would explain nothing.
  const error = tail.findLast(line => line.startsWith(ERROR))?.slice(ERROR.length);
  const said = error ?? tail.at(-1) ?? 'it said nothing';
  return new FleetError('UNAVAILABLE', `the coordinator ${what}: ${said}`, {
    details: { pid: daemon.pid ?? null, log: logFile, tail },
    hint: `Its log: ${logFile}\nspl doctor looks for the cause.`,
  });
}

async function awaitGone(program: Program, { home, pid, graceMs }: AwaitGoneOptions): Promise<boolean> {
  const start = processStart(pid);
  if (start === null) return true;
  const coordinator = { pid, start };
  if (!(await isOurs(program, pid)))
    return waitUntil(async () => !isRunning(coordinator) || !(await serves(home, pid)), {
      withinMs: graceMs,
    });
  if (await waitUntilGone(coordinator, graceMs)) return true;
  return (await endProcess(coordinator, { graceMs: END_MS, killMs: END_MS })) !== null;
}

/** True when the home's pid file names this process. A coordinator removes the file when it closes. */
async function serves(home: string, pid: number): Promise<boolean> {
  return (await readPidFile(homePaths(home).pidFile))?.pid === pid;
}

/** True for a process that runs `spl serve`. An editor that serves the home is never signalled. */
async function isOurs(program: Program, pid: number): Promise<boolean> {
  const words = await argumentsOf(pid);
  return words.includes('serve') && words.includes(program.file);
}
