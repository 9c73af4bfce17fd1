import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../client/client.ts';
import { duration } from '../../contract/format.ts';
import type { ReportName, Reports } from '../../operations/index.ts';
import { FleetError, messageOf } from '../../errors.ts';
import { homePaths } from '../../home/paths.ts';
import { resolveSocket } from '../../home/socket.ts';
import { processTable } from '../../system/process-table.ts';
import { sendSignal } from '../../system/processes.ts';
import { waitUntil } from '../../system/wait.ts';
import { colours, print } from './print.ts';

/** The time limit of a process to end, in milliseconds. */
const ENDING_MS = 5_000;

/** The reason for which the tour ends early, and its exit code. */
export class TourEnded extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The user interrupts the tour. */
export class Interrupted extends TourEnded {
  constructor(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super('interrupted', 128 + constants.signals[name]);
  }
}

export interface StageOptions {
  /** The folder of the built program. */
  readonly bin: string;
  /** The working folder of the commands. */
  readonly cwd: string;
}

/** A temporary home, and the `spl` commands that run in it. */
export class Stage {
  readonly #folder: string;
  readonly #options: StageOptions;
  #running: ChildProcess | undefined;
  #ended: TourEnded | undefined;

  private constructor(folder: string, options: StageOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** @throws FleetError when the folder of the home can't be made. */
  static async open(options: StageOptions): Promise<Stage> {
    const parent = tmpdir();
    try {
      const folder = await mkdtemp(join(parent, 'spl-tour-'));
      await mkdir(join(folder, 'tmp'));
      return new Stage(folder, options);
    } catch (cause) {
      throw new FleetError('UNAVAILABLE', `no folder can be made in '${parent}': ${messageOf(cause)}`, {
        hint: 'Set TMPDIR to a folder that you may write to.',
        cause,
      });
    }
  }

  /** Ends the tour: interrupts the running command, and refuses further ones. Only the first call counts. */
  end(reason: TourEnded): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    const running = this.#running;
    running?.kill('SIGINT');
    setTimeout(() => running?.kill('SIGKILL'), ENDING_MS).unref();
  }

  /** Runs a part of the tour under a title, and ends the tour after the time limit. */
  async act<T>(title: string, limitMs: number, perform: () => Promise<T>): Promise<T> {
    print(`\n${colours.bold(title)}\n${'─'.repeat(title.length)}\n`);
    const late = `'${title}' was not over after ${duration(limitMs / 1000)}: the machine is too slow or too busy`;
    const timer = setTimeout(() => this.end(new TourEnded(late)), limitMs);
    try {
      return await perform();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Prints and runs an `spl` command. @throws TourEnded when it fails, or the tour was ended. */
  async spl(...words: readonly string[]): Promise<void> {
    this.#throwIfEnded();
    const code = await this.run(words);
    this.#throwIfEnded();
    if (code !== 0) throw new TourEnded(`'spl ${words.slice(0, 2).join(' ')}' ended with exit code ${code}`);
  }

  /** Prints and runs an `spl` command, also when the tour was ended. @returns its exit code. */
  async run(words: readonly string[]): Promise<number> {
    print(`\n${colours.dim('$')} ${colours.bold(`spl ${words.map(quoted).join(' ')}`)}\n`);
    const child = spawn(process.execPath, [join(this.#options.bin, 'spl'), ...words], {
      cwd: this.#options.cwd,
      env: this.#environment(),
      stdio: ['ignore', 'inherit', 'inherit'],
      // A group of its own, so that Ctrl-C reaches it only through `end`, and never during the closing.
      detached: true,
    });
    this.#running = child;
    try {
      return await exitCodeOf(child);
    } finally {
      this.#running = undefined;
    }
  }

  /** Asks the coordinator of the home. @throws FleetError. */
  async report<N extends ReportName>(name: N, input: Reports[N]['input']): Promise<Reports[N]['output']> {
    const engine = connect({ socketPath: await resolveSocket(homePaths(this.#home)) });
    try {
      return await engine.report(name, input);
    } finally {
      await engine.close();
    }
  }

  /** Stops the fleet if it runs. Can't be interrupted. */
  async stop(): Promise<void> {
    this.end(new TourEnded('the fleet is being stopped'));
    if ((await this.#processes()).length > 0) await this.run(['fleet', 'stop', '--all', '--grace', '1']);
  }

  /** Ends remaining processes and removes the home. @returns the processes that had to be ended. */
  async close(): Promise<readonly number[]> {
    const left = await this.#processesAfter(ENDING_MS);
    for (const name of ['SIGTERM', 'SIGKILL'] as const) {
      for (const pid of await this.#processes()) sendSignal(pid, name);
      await this.#processesAfter(ENDING_MS);
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    return left;
  }

  #throwIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  get #home(): string {
    return join(this.#folder, 'home');
  }

  #environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(SPL_|SYNCROPEL_|npm_)/.test(name));
    return {
      ...Object.fromEntries(own),
      SYNCROPEL_HOME: this.#home,
      // The files of the second act's checks are removed with the home.
      TMPDIR: join(this.#folder, 'tmp'),
      npm_config_cache: join(this.#folder, 'npm'),
      npm_config_update_notifier: 'false',
    };
  }

  /** Returns the processes whose command line or environment names the folder. */
  async #processes(): Promise<readonly number[]> {
    const found = await processTable().find({ text: this.#folder });
    return found.map(({ pid }) => pid).filter(pid => pid !== process.pid);
  }

  /** Waits until the processes have ended. @returns those that are still running. */
  async #processesAfter(limitMs: number): Promise<readonly number[]> {
    let left: readonly number[] = [];
    const haveEnded = async (): Promise<boolean> => (left = await this.#processes()).length === 0;
    await waitUntil(haveEnded, { withinMs: limitMs, check: 'costly' });
    return left;
  }
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, name) => resolve(code ?? 128 + constants.signals[name ?? 'SIGKILL']));
  });
}

/** Quotes a word as people type it in a shell. */
function quoted(word: string): string {
  if (/^[\w./:@%+=,-]+$/.test(word)) return word;
  return /["$`\\!]/.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : `"${word}"`;
}
