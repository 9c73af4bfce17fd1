import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { constants as fileConstants, open as openFile, unlink as unlinkFile } from 'node:fs';
import { Socket } from 'node:net';
import { constants as systemConstants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { LAUNCHER } from './launcher-script.ts';

/** A command, as the launcher is to start it. */
export interface Launch {
  readonly id: string;
  /** A command line for `/bin/sh`, and its arguments `$0`, `$1`, … */
  readonly words: readonly string[];
  /** True when the command line ends at the first of its commands that fails. */
  readonly errexit: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** The folder of the command; null for the launcher's. */
  readonly dir: string | null;
  /** The folder in which the command must find itself, without symbolic links, or nothing runs; null for any. */
  readonly asserted: string | null;
  /** The file that the command reads; null for an empty input. */
  readonly input: string | null;
  /** Path of a FIFO for the output, which does not exist yet. */
  readonly fifo: string;
  /** Files to remove with the command. */
  readonly files: readonly string[];
  readonly mark: string;
  /** Folder of the command's control group, or null. */
  readonly control: string | null;
  /** The file that notes the command, and the members of the note besides `group` and `start`; null for none. */
  readonly note: { readonly file: string; readonly members: object } | null;
}

/** A command that runs. */
export interface Launched {
  readonly pid: number;
  /** True when the command is in its control group. */
  readonly isContained: boolean;
  readonly output: Readable;
  /** Never rejects; `code` and `signal` are both null when the launcher ended first. */
  readonly exited: Promise<LaunchedExit>;
  /**
   * Removes the command's files and its note. Call it when nothing of the command runs.
   * @returns false when the launcher has ended, and removed nothing.
   */
  release(): Promise<boolean>;
}

export interface LaunchedExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when the launcher saw that nothing of the command is left. */
  readonly isClear: boolean;
  /** The system's reason why the command never began; null where it did. */
  readonly fault: string | null;
}

/** A process that starts commands and guards them (see `launcher-script.ts`). */
export interface Launcher {
  /** Settled when the process has ended. Never rejects. */
  readonly gone: Promise<void>;
  /** True once the process has ended. Processes of a command that it was just starting may then run. */
  readonly hasEnded: boolean;
  /** @throws the system's reason; nothing of the command runs then, unless the launcher has ended. */
  start(launch: Launch): Promise<Launched>;
  /** Ends the process, and kills the commands that still run. */
  close(): Promise<void>;
}

/** Interval between two pings while commands run, in milliseconds. */
const PING_MS = 2_000;
/** Pings without an answer after which the launcher is killed. It is woken from the first one on. */
const MAX_UNANSWERED = 5;
const ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/local/bin', LC_ALL: 'C' };
const SIGNALS = new Map(
  Object.entries(systemConstants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

const open = promisify(openFile);
const unlink = promisify(unlinkFile);

/**
 * Starts a launcher.
 * @param label names its owner in a list of processes
 * @param program runs Perl
 * @returns null where this machine has no Perl that runs it.
 * @throws the system's error when it has no more descriptors
 */
export async function startLauncher(label: string, program = 'perl'): Promise<Launcher | null> {
  const child = spawn(program, ['-e', LAUNCHER, label], {
    env: ENVIRONMENT,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // Node.js returns a child without streams if the system has no more descriptors.
  if ((child.stdin as Writable | null | undefined) == null) throw (await once(child, 'error'))[0];
  const launcher = new PerlLauncher(child);
  return (await launcher.isReady) ? launcher : null;
}

/** A request to start a command, until the command is released. */
class Request {
  readonly started: Promise<{ readonly pid: number; readonly isContained: boolean }>;
  readonly exited: Promise<LaunchedExit>;
  /** False when the launcher ended first. */
  readonly released: Promise<boolean>;
  onStarted!: (started: { readonly pid: number; readonly isContained: boolean }) => void;
  onFailed!: (reason: string) => void;
  onExit!: (exit: LaunchedExit) => void;
  onReleased!: (isDone: boolean) => void;
  /** Says why the command could not begin, where that was found after its process had been started. */
  fault: string | null = null;

  constructor() {
    this.started = new Promise((resolve, reject) => {
      this.onStarted = resolve;
      this.onFailed = reason => {
        this.fault = reason;
        reject(new Error(reason));
      };
    });
    this.started.catch(() => undefined);
    this.exited = new Promise(resolve => (this.onExit = resolve));
    this.released = new Promise(resolve => (this.onReleased = resolve));
  }
}

class PerlLauncher implements Launcher {
  readonly gone: Promise<void>;
  hasEnded = false;
  /** False when the process ended before it was ready. */
  readonly isReady: Promise<boolean>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #requests = new Map<string, Request>();
  /** By the command's id; settles those that wait for a FIFO. */
  readonly #pipes = new Map<string, (reason: string | null) => void>();
  #onReady!: (isReady: boolean) => void;
  #pings: NodeJS.Timeout | undefined;
  #unanswered = 0;

  constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.isReady = new Promise(resolve => (this.#onReady = resolve));
    child.stdin.on('error', ignore);
    createInterface(child.stdout).on('line', line => this.#take(line));
    this.gone = new Promise(resolve => {
      const end = (): void => {
        this.#end();
        resolve();
      };
      child.once('error', end);
      // Not 'exit': what it said before its end counts.
      child.once('close', end);
    });
  }

  async start(launch: Launch): Promise<Launched> {
    const fields = startFields(launch);
    if (fields.some(field => field.includes('\0'))) throw new Error('it must be without null bytes');
    const output = await this.#openPipe(launch);
    const request = new Request();
    this.#requests.set(launch.id, request);
    if (this.hasEnded) this.#end();
    this.#send('start', fields);
    const release = (): Promise<boolean> => this.#release(launch.id, request);
    try {
      return { ...(await request.started), output, exited: request.exited, release };
    } catch (error) {
      output.destroy();
      await release();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.gone;
  }

  /** Opened for writing too, so that it never reads as ended: whoever keeps the far end open does not matter then. */
  async #openPipe({ id, fifo: path }: Launch): Promise<Readable> {
    const reason = await new Promise<string | null>(resolve => {
      this.#pipes.set(id, resolve);
      this.#keepPinging();
      this.#send('pipe', [id, path]);
      if (this.hasEnded) this.#end();
    });
    if (reason !== null) throw new Error(reason);
    try {
      const fd = await open(path, fileConstants.O_RDWR | fileConstants.O_NONBLOCK);
      return new Socket({ fd, readable: true, writable: false });
    } catch (error) {
      await unlink(path).catch(ignore);
      throw error;
    }
  }

  #release(id: string, request: Request): Promise<boolean> {
    if (this.#requests.get(id) === request) this.#send('release', [id]);
    return request.released;
  }

  #take(line: string): void {
    const [verb, id = '', ...words] = line.split(' ');
    if (verb === 'ready') return this.#onReady(true);
    if (verb === 'pong') return void (this.#unanswered = 0);
    if (verb === 'made') return this.#takePipe(id, words.length === 0 ? null : words.join(' '));
    const request = this.#requests.get(id);
    if (request === undefined) return;
    if (verb === 'started') request.onStarted({ pid: Number(words[0]), isContained: words[1] === '1' });
    else if (verb === 'failed') request.onFailed(words.join(' '));
    else if (verb === 'exit') request.onExit(exitOf(words, request.fault));
    else {
      this.#requests.delete(id);
      request.onReleased(true);
    }
  }

  #takePipe(id: string, reason: string | null): void {
    this.#pipes.get(id)?.(reason);
    this.#pipes.delete(id);
  }

  /** A launcher that somebody stopped is woken, and killed where that is no use: nobody else sees the end of its commands. */
  #keepPinging(): void {
    this.#pings ??= setInterval(() => {
      if (this.#requests.size + this.#pipes.size === 0) return this.#stopPinging();
      if (this.#unanswered > 0) this.#child.kill('SIGCONT');
      if (this.#unanswered >= MAX_UNANSWERED) this.#child.kill('SIGKILL');
      this.#unanswered += 1;
      this.#send('ping', []);
    }, PING_MS);
  }

  #stopPinging(): void {
    clearInterval(this.#pings);
    this.#pings = undefined;
    this.#unanswered = 0;
  }

  /** Settles everything that waits for the process. */
  #end(): void {
    this.hasEnded = true;
    this.#stopPinging();
    this.#onReady(false);
    for (const settle of this.#pipes.values()) settle('the launcher has ended');
    this.#pipes.clear();
    for (const request of this.#requests.values()) {
      request.onFailed('the launcher has ended');
      request.onExit({ code: null, signal: null, isClear: false, fault: null });
      request.onReleased(false);
    }
    this.#requests.clear();
  }

  #send(verb: string, fields: readonly string[]): void {
    const frame = Buffer.from(`\0\0\0\0${[verb, ...fields].join('\0')}`);
    frame.writeUInt32BE(frame.length - 4);
    this.#child.stdin.write(frame);
  }
}

function exitOf([code, signal, clear]: readonly string[], fault: string | null): LaunchedExit {
  const name = SIGNALS.get(Number(signal)) ?? null;
  const isExit = name === null && fault === null;
  return { code: isExit ? Number(code) : null, signal: name, isClear: clear === '1', fault };
}

function startFields({ note, files, words, env, ...launch }: Launch): string[] {
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value ?? ''}`);
  return [
    launch.id,
    launch.dir ?? '',
    launch.asserted ?? '',
    launch.input ?? '/dev/null',
    launch.fifo,
    launch.mark,
    launch.control ?? '',
    note?.file ?? '',
    note === null ? '' : JSON.stringify(note.members).slice(1),
    launch.errexit ? '-e' : '',
    String(files.length),
    ...files,
    String(words.length),
    ...words,
    ...environment,
  ];
}

function ignore(): void {
  // Writes to a process that has ended, and removals of a file that is gone, may fail.
}
