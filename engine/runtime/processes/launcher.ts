import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { constants as fileConstants, open as openFile, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as systemConstants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { messageOf, systemCodeOf } from '../../errors.ts';
import type { Birth } from '../../system/process-table.ts';
import { LAUNCHER } from './launcher-script.ts';
import { after } from './timer.ts';

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
  /** Files to remove with the command. */
  readonly files: readonly string[];
  readonly mark: string;
  /** The file that notes the command; null for none. */
  readonly note: string | null;
  /** Called where the command needs a new berth. */
  readonly place: () => Promise<Place>;
}

/** The paths of a berth, none of which exists yet. */
export interface Place {
  /** A FIFO for the output. */
  readonly fifo: string;
  /** The folder of a control group; null for none. */
  readonly control: string | null;
}

/** A command that runs. */
export interface Launched {
  readonly pid: number;
  /** Undefined where the launcher does not tell. */
  readonly birth: Birth | undefined;
  /** The folder of its control group; null where it is in none. */
  readonly control: string | null;
  /** The output. It goes to the next command, so that listeners are taken off and it is paused before `release`. */
  readonly output: Readable;
  /** Never rejects; `code` and `signal` are both null when the launcher ended first. */
  readonly exited: Promise<LaunchedExit>;
  /** Removes the command's files and its note. Call it when nothing of the command runs. */
  release(): Promise<Released>;
}

export interface Released {
  /** The files that the launcher left, because it has ended. */
  readonly files: readonly string[];
  /** The folder of the control group, where no other command will use it. */
  readonly control: string | null;
}

export interface LaunchedExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when the launcher saw that nothing of the command is left. */
  readonly isClear: boolean;
  /** The system's reason why the command never began; null where it did. */
  readonly fault: string | null;
}

/** Says why a command was not started. Nothing of it runs, unless the launcher has ended. */
export class NotLaunched extends Error {
  readonly left: Released;

  constructor(message: string, left: Released, options?: ErrorOptions) {
    super(message, options);
    this.left = left;
  }
}

/** A process that starts commands and guards them (see `launcher-script.ts`). */
export interface Launcher {
  /** Settled when the process has ended. Never rejects. */
  readonly gone: Promise<void>;
  /** True once the process has ended. Processes of a command that it was just starting may then run. */
  readonly hasEnded: boolean;
  /** @throws NotLaunched with the system's reason. */
  start(launch: Launch): Promise<Launched>;
  /** Ends the process, and kills the commands that still run. */
  close(): Promise<void>;
}

/** Interval between two pings while commands run, in milliseconds. */
const PING_MS = 2_000;
/** Pings without an answer after which the launcher is killed. It is woken from the first one on. */
const MAX_UNANSWERED = 5;
/** The time to kill the commands that still run, in milliseconds. */
const CLOSE_MS = 10_000;
const ENDED = 'the launcher has ended';
/** Its own functions are bound once, and not by each of its children. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/local/bin', LC_ALL: 'C', LD_BIND_NOW: '1' };
const SIGNALS = new Map(
  Object.entries(systemConstants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

const open = promisify(openFile);

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

/** A FIFO and a control group, in which one command after the other runs. */
interface Berth {
  readonly id: string;
  readonly place: Place;
  readonly fd: number;
  readonly output: Socket;
}

interface Started extends Pick<Launched, 'pid' | 'birth'> {
  readonly isContained: boolean;
}

/** A request to start a command, until the command is released. */
class Request {
  readonly started: Promise<Started>;
  readonly exited: Promise<LaunchedExit>;
  /** False when the launcher ended first. */
  readonly released: Promise<boolean>;
  onStarted!: (started: Started) => void;
  onFailed!: (reason: string) => void;
  readonly onStale: (reason: string) => void;
  onExit!: (exit: LaunchedExit) => void;
  /** True when it has ended, and no process can write to its output any more. */
  isPrivate = false;
  onReleased!: (isDone: boolean) => void;
  /** True when its berth was removed by somebody, and nothing was started. */
  isStale = false;
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
    this.onStale = reason => {
      this.isStale = true;
      this.onFailed(reason);
    };
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
  /** By the berth's id; settles those that wait for it, with true where it has its control group. */
  readonly #making = new Map<
    string,
    { readonly resolve: (isContained: boolean) => void; readonly reject: (reason: string) => void }
  >();
  #free: Berth[] = [];
  /** The variables of the latest command. */
  #environment: NodeJS.ProcessEnv = {};
  #berths = 0;
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
    const free = this.#takeFree();
    const started = free === undefined ? 'stale' : await this.#startIn(free, launch);
    if (started !== 'stale') return started;
    const berth = await this.#newBerth(launch.place);
    const second = await this.#startIn(berth, launch);
    if (second === 'stale') throw new NotLaunched('its output was removed', leftOf(berth));
    return second;
  }

  async close(): Promise<void> {
    // Somebody may have stopped it.
    this.#child.kill('SIGCONT');
    this.#child.stdin.end();
    const cancel = after(CLOSE_MS, () => this.#child.kill('SIGKILL'));
    await this.gone;
    cancel();
  }

  /** @returns 'stale' where somebody has removed the berth. */
  async #startIn(berth: Berth, launch: Launch): Promise<Launched | 'stale'> {
    const { id } = launch;
    const fields = [...startFields(launch, berth), ...changesOf(this.#environment, launch.env)];
    const request = new Request();
    try {
      if (fields.some(field => field.includes('\0'))) throw new Error('it must be without null bytes');
      this.#requests.set(id, request);
      if (this.hasEnded) this.#end();
      this.#keepPinging();
      this.#send('start', fields);
      this.#environment = launch.env;
      const { pid, birth, isContained } = await request.started;
      const control = isContained ? berth.place.control : null;
      const release = (): Promise<Released> => this.#release(launch, request, berth);
      return { pid, birth, control, output: berth.output, exited: request.exited, release };
    } catch (error) {
      this.#retire(berth);
      await this.#forget(id, request);
      if (request.isStale) return 'stale';
      throw new NotLaunched(messageOf(error), leftOf(berth), { cause: error });
    }
  }

  #takeFree(): Berth | undefined {
    const free = this.#free.pop();
    if (free === undefined || isEmpty(free)) return free;
    this.#retire(free);
    return this.#takeFree();
  }

  /** Its FIFO is opened for writing too, so that it never reads as ended: whoever keeps the far end open does not matter then. */
  async #newBerth(placeOf: Launch['place']): Promise<Berth> {
    const place = await placeOf();
    const id = String((this.#berths += 1));
    try {
      const isContained = await new Promise<boolean>((resolve, reject) => {
        this.#making.set(id, { resolve, reject: reason => reject(new Error(reason)) });
        this.#keepPinging();
        this.#send('berth', [id, place.fifo, place.control ?? '']);
        if (this.hasEnded) this.#end();
      });
      const fd = await open(place.fifo, fileConstants.O_RDWR | fileConstants.O_NONBLOCK);
      const output = new Socket({ fd, readable: true, writable: false });
      output.on('error', ignore);
      return { id, place: { ...place, control: isContained ? place.control : null }, fd, output };
    } catch (error) {
      this.#send('retire', [id]);
      throw new NotLaunched(messageOf(error), leftOf({ place }), { cause: error });
    }
  }

  /** The next command has the berth if no other process can write to it. */
  async #release({ id, files, note }: Launch, request: Request, berth: Berth): Promise<Released> {
    if (!this.hasEnded && request.isPrivate && !berth.output.destroyed) {
      this.#requests.delete(id);
      this.#free.push(berth);
      return { files: [], control: null };
    }
    this.#retire(berth);
    const isDone = await this.#forget(id, request);
    const left = leftOf(berth);
    return { ...left, files: isDone ? [] : [...left.files, ...files, ...(note === null ? [] : [note])] };
  }

  #retire({ id, output }: Berth): void {
    output.destroy();
    this.#send('retire', [id]);
  }

  #forget(id: string, request: Request): Promise<boolean> {
    if (this.#requests.get(id) === request) this.#send('release', [id]);
    else request.onReleased(!this.hasEnded);
    return request.released;
  }

  #take(line: string): void {
    const [verb, id = '', ...words] = line.split(' ');
    if (verb === 'ready') return this.#onReady(true);
    if (verb === 'pong') return void (this.#unanswered = 0);
    if (verb === 'made') return this.#takeBerth(id)?.resolve(words[0] === '1');
    if (verb === 'unmade') return this.#takeBerth(id)?.reject(words.join(' '));
    const request = this.#requests.get(id);
    if (request === undefined) return;
    if (verb === 'started') request.onStarted(startedOf(words));
    else if (verb === 'stale') request.onStale(words.join(' '));
    else if (verb === 'failed') request.onFailed(words.join(' '));
    else if (verb === 'exit') {
      request.isPrivate = words[3] === '1';
      request.onExit(exitOf(words, request.fault));
    } else {
      this.#requests.delete(id);
      request.onReleased(true);
    }
  }

  #takeBerth(id: string): { resolve(isContained: boolean): void; reject(reason: string): void } | undefined {
    const waiting = this.#making.get(id);
    this.#making.delete(id);
    return waiting;
  }

  /** A launcher that somebody stopped is woken, and killed where that is no use: nobody else sees the end of its commands. */
  #keepPinging(): void {
    this.#pings ??= setInterval(() => {
      if (this.#requests.size + this.#making.size === 0) return this.#stopPinging();
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
    for (const { reject } of this.#making.values()) reject(ENDED);
    this.#making.clear();
    for (const { output } of this.#free.splice(0)) output.destroy();
    for (const request of this.#requests.values()) {
      request.onFailed(ENDED);
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

function startedOf([pid, contained, birth]: readonly string[]): Started {
  return { pid: Number(pid), birth: birth ? Number(birth) : undefined, isContained: contained === '1' };
}

function exitOf([code, signal, clear]: readonly string[], fault: string | null): LaunchedExit {
  const name = SIGNALS.get(Number(signal)) ?? null;
  const isExit = name === null && fault === null;
  return { code: isExit ? Number(code) : null, signal: name, isClear: clear === '1', fault };
}

function startFields({ note, files, words, mark, ...launch }: Launch, { id, place }: Berth): string[] {
  const traces = { mark, control: place.control, files: [place.fifo, ...files] };
  return [
    launch.id,
    id,
    launch.dir ?? '',
    launch.asserted ?? '',
    launch.input ?? '',
    mark,
    note ?? '',
    JSON.stringify(traces).slice(1),
    launch.errexit ? '-e' : '',
    String(files.length),
    ...files,
    String(words.length),
    ...words,
  ];
}

/** Returns what makes one environment of another: `NAME=value`, or `NAME` for a variable that goes. */
function changesOf(before: NodeJS.ProcessEnv, after: NodeJS.ProcessEnv): string[] {
  const gone = Object.keys(before).filter(name => !(name in after));
  const changed = Object.entries(after).filter(
    ([name, value]) => !(name in before) || before[name] !== value,
  );
  return [...gone, ...changed.map(([name, value = '']) => `${name}=${value}`)];
}

/** Returns the remains of a berth whose launcher has ended. */
const leftOf = ({ place }: Pick<Berth, 'place'>): Released => ({
  files: [place.fifo],
  control: place.control,
});

/** True when nothing is left to read. */
function isEmpty({ fd, output }: Berth): boolean {
  if (output.destroyed || output.readableLength > 0) return false;
  try {
    return readSync(fd, Buffer.alloc(1)) === 0;
  } catch (error) {
    return systemCodeOf(error) === 'EAGAIN';
  }
}

function ignore(): void {
  // Writes to a process that has ended, and removals of a file that is gone, may fail.
}
