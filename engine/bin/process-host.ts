import { isatty, type WriteStream } from 'node:tty';
import { readConfig, type Config } from '../home/config.ts';
import { homePaths, type HomePaths } from '../home/paths.ts';
import { readPidFile } from '../home/pid-file.ts';
import { settings as resolveSettings } from '../home/settings.ts';
import { resolveSocket } from '../home/socket.ts';
import { connect, type Target } from '../client/client.ts';
import {
  ReaderGone,
  type Connection,
  type Host,
  type Output,
  type Settings,
  type Starter,
} from '../cli/host.ts';
import { coloursFor } from '../cli/render/colours.ts';
import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { tokenActor, tokenIdOf } from '../contract/tokens.ts';
import type { Did } from '../record/ids.ts';
import { submittersEnvironment } from '../runtime/environment.ts';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { isRunning } from '../system/processes.ts';
import { waitUntil } from '../system/wait.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { detectHang } from './hang.ts';
import { loadCoordinator } from './load-coordinator.ts';
import { orFromHome } from './or-from-home.ts';
import { processTerminal } from './terminal.ts';

/** Makes the host of the commands from this process. The environment may be another one. */
export function processHost(signal: AbortSignal, env: NodeJS.ProcessEnv = process.env): Host {
  return {
    out: outputTo('stdout'),
    err: outputTo('stderr'),
    env,
    cwd: currentFolder(env),
    stdin: { [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() },
    terminal: isatty(0) ? processTerminal() : null,
    signal,
    onEnding,
    starter,
    doctor: async () => (await import('./doctor.ts')).processDoctor(),
    checkJoin: async (text, subtasks) => (await loadCoordinator()).checkJoin(text, subtasks),
    checkPlan: async (text, known) => (await import('../check-plan.ts')).checkPlan(text, known),
    connect: (settings, say) => connectTo(settings, env, signal, say),
  };
}

/** Loads the starter when a command uses it: most only talk to a coordinator that runs. */
const starter: Starter = {
  ensureCoordinator: async options => (await loadStarter()).ensureCoordinator(options),
  serve: async options => (await loadStarter()).serve(options),
  standBy: async options => (await loadStarter()).standBy(options),
  awaitGone: async options => (await loadStarter()).awaitGone(options),
  stopLeft: async options => (await loadStarter()).stopLeft(options),
  workersOf: async home => (await loadStarter()).workersOf(home),
};

const loadStarter = async (): Promise<Starter> => (await import('./starter.ts')).processStarter;

/** The signals that ask a process to end, and its exit code then. */
const ENDING = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;

function onEnding(act: (exitCode: number) => void, atOnce: () => void): () => void {
  let isEnding = false;
  const listeners = Object.entries(ENDING).map(([name, exitCode]) => {
    const listener = (): void => {
      if (isEnding) {
        atOnce();
        process.exit(exitCode);
      }
      isEnding = true;
      act(exitCode);
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return () => {
    for (const release of listeners) release();
  };
}

/**
 * Returns the folder in which the command was typed. A removed folder keeps its path: a file in it is not found, and
 * everything else works.
 */
function currentFolder({ PWD: shown }: NodeJS.ProcessEnv): string {
  try {
    return process.cwd();
  } catch {
    process.chdir('/');
    return shown !== undefined && isAbsolute(shown) ? shown : '/';
  }
}

/** @throws UNREACHABLE, AUTH_REQUIRED, USAGE, HOME_INVALID. */
async function connectTo(
  given: Settings,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<Connection> {
  const paths = homePaths(given.home);
  const config = await readConfig(paths.configToml);
  const target = await targetOf(given, config);
  if (given.url === null) await untilServed(paths, signal);
  const { actor: named } = resolveSettings({ actor: given.actor ?? undefined }, env, config);
  const actor = given.actor === null && 'token' in target ? (ownActor(target.token) ?? named) : named;
  const engine = connect(target, { actor, environment: submittersEnvironment(env), brief: true });
  if (!('socketPath' in target)) return { engine, actor };
  return { engine: orFromHome(detectHang(engine, target.socketPath, paths.pidFile), paths.home, say), actor };
}

/** Returns the only actor of a token that was made; the home's own token has none. */
function ownActor(token: string): Did | undefined {
  const id = tokenIdOf(token);
  return id === undefined ? undefined : tokenActor(id);
}

/** The time to wait for a coordinator that is about to serve, in milliseconds. */
const COMING_MS = 5000;
/** The time in which a standby takes the lease of a killed coordinator, on a busy machine too, in milliseconds. */
const WAKING_MS = 500;

/**
 * Waits for a coordinator that is about to serve. Somebody may hold the lease of a home without a coordinator, or a
 * coordinator was killed a moment ago, and a standby takes over. The short wait avoids a wrong report that no fleet is
 * running.
 */
async function untilServed({ home, pidFile }: HomePaths, signal: AbortSignal): Promise<void> {
  const isDecided = async (waitedMs: number): Promise<boolean> => {
    const holder = await readPidFile(pidFile);
    if (signal.aborted || (holder !== undefined && isRunning(holder))) return true;
    const wasKilled = holder !== undefined && waitedMs < WAKING_MS;
    return !wasKilled && !(await isHeld(home));
  };
  await waitUntil(isDecided, { withinMs: COMING_MS });
}

async function isHeld(home: string): Promise<boolean> {
  try {
    const { isLeaseHeld } = await import('../home/lease.ts');
    return await isLeaseHeld(home);
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND')) return false;
    throw thrown;
  }
}

async function targetOf({ url, token, home }: Settings, { server }: Config): Promise<Target> {
  const paths = homePaths(home);
  if (url === null) return { socketPath: await resolveSocket(paths) };
  const trusted = server.tls_ca === undefined ? {} : { ca: await readCa(resolve(home, server.tls_ca)) };
  return { url, token: token ?? (await readToken(paths.token)), ...trusted };
}

async function readCa(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FleetError('HOME_INVALID', `[server] tls_ca: '${file}' is not readable: ${messageOf(cause)}`, {
      details: { path: file },
      cause,
    });
  });
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const missing = systemCodeOf(cause) === 'ENOENT';
    throw new FleetError(
      'AUTH_REQUIRED',
      `a URL needs a token, and '${file}' ${missing ? 'is missing' : 'is not readable'}`,
      {
        hint: 'Give the token of that coordinator’s home: --token, or SPL_TOKEN.',
        cause,
      },
    );
  }
}

/** The streams whose readers have closed them. */
const withoutReader = new Set<NodeJS.WriteStream>();

/**
 * Ignores a reader that closes the stream, as `head` and a closed terminal do; any other fault, such as a full disk, is
 * an error.
 */
function watchReader(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const isClosed = (code: string | undefined): boolean =>
    code === 'EPIPE' || (code === 'EIO' && stream.isTTY);
  return stream.on('error', error => {
    if (isClosed(systemCodeOf(error))) return void withoutReader.add(stream);
    // A fault of the error stream itself can't be reported.
    if (stream !== process.stderr)
      process.stderr.write(`error: the output can't be written: ${messageOf(error)}\n`);
    process.exit(EXIT.failed);
  });
}

/** An output to a stream of this process, which is opened at the first use. */
function outputTo(name: 'stdout' | 'stderr'): Output {
  let opened: NodeJS.WriteStream | undefined;
  const stream = (): NodeJS.WriteStream => (opened ??= watchReader(process[name]));
  const isTTY = isatty(name === 'stdout' ? 1 : 2);
  return {
    write: data => {
      if (!withoutReader.has(stream())) stream().write(data);
    },
    flush: async () => {
      if (opened === undefined) return;
      const written = opened;
      // The callback runs when all earlier data is written; a slow reader leaves the rest in the buffer.
      if (!withoutReader.has(written)) await new Promise<void>(resolve => written.write('', () => resolve()));
      if (withoutReader.has(written)) throw new ReaderGone('the reader is gone');
    },
    isTTY,
    get columns() {
      // A terminal without a known width reports 0.
      return (stream() as Partial<WriteStream>).columns || 80;
    },
    get rows() {
      return (stream() as Partial<WriteStream>).rows || 24;
    },
    colours: coloursFor(isTTY, process.env),
  };
}
