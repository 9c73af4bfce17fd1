import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { processHost } from '../../engine/bin/process-host.ts';
import { starterOf } from '../../engine/bin/starter.ts';
import type { Host, Output } from '../../engine/cli/host.ts';
import { main } from '../../engine/cli/program.ts';
import { coloursFor } from '../../engine/cli/render/colours.ts';
import type { FleetStarted, JoinStatus } from '../../engine/contract/documents.ts';
import { VERSION } from '../../engine/contract/engine.ts';
import { openHome, type Home } from '../../engine/home/home.ts';
import { homePaths, workerHome } from '../../engine/home/paths.ts';
import { processStart } from '../../engine/system/process-table.ts';
import { readSegments } from '../../engine/log/file/reader.ts';
import { verifyLog } from '../../engine/log/file/verify.ts';
import type { FleetRecord } from '../../engine/record/record.ts';
import { ACTOR, clientOf, FleetClient } from './fleet-client.ts';
import { checkLaws } from './laws.ts';
import { endProcesses, isNaming, processesNaming } from './processes.ts';
import { soon } from './until.ts';

export { ACTOR, soon };

/** The output and the exit code of a process of `spl`. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The document that a refusal prints with `--json`. */
export interface Refused {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> & { readonly hint?: string };
}

export interface ScenarioOptions {
  /** Default 0.3. */
  readonly heartbeatSecs?: number;
  /** Further lines of the coordinator's `config.toml`, in its table `[fleet]`. */
  readonly fleet?: readonly string[];
  /** The duration of an echo attempt. Default 20. */
  readonly echoMs?: number;
  /** Settings of workers, `config.toml` text by letter. */
  readonly workers?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
}

/** The exceptions to the ordinary end of a scenario. */
export interface EndOptions {
  /** The coordinator's log is damaged on purpose: nothing can be started again. */
  readonly damaged?: boolean;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The built program; another build can be named for running these tests against it. */
export const BIN = process.env['SPL_TEST_BIN'] ?? join(ROOT, 'dist', 'bin');
const PRELOADS = new URL('./preload/', import.meta.url);
const COMMAND_MS = 60_000;

/**
 * A test on real processes: makes a throw-away home, runs the body, then ends the fleet as a user does and proves
 * that the laws held, that nothing runs any more and that no file lies outside the homes.
 */
export function scenario(
  options: ScenarioOptions,
  body: (fleet: Scenario) => Promise<EndOptions | void>,
): Mocha.AsyncFunc {
  return async function () {
    await using fleet = await Scenario.make(options);
    try {
      await inTime(
        this,
        body(fleet).then(ending => fleet.end(ending ?? {})),
      );
    } catch (error) {
      throw await fleet.explained(error);
    }
  };
}

/** The part of a test's time that is kept for taking down what hangs. */
const DISPOSAL_MS = 5_000;

/** Waits for what a test or a hook does, and ends before its time is over, so that what hangs is taken down. */
export async function inTime(context: Mocha.Context, run: Promise<void>): Promise<void> {
  const ms = context.timeout() - DISPOSAL_MS;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over within ${ms / 1000}s`)), ms);
  });
  await Promise.race([run, late]).finally(() => clearTimeout(timer));
}

/** A throw-away home, everything that was started in it, and the program to drive it with. */
export class Scenario extends FleetClient {
  readonly root: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[];

  /** @param cwd the folder in which the commands are typed */
  private constructor(root: string, cwd: string, env: NodeJS.ProcessEnv, children: ChildProcess[]) {
    const home = join(root, 'h');
    super(clientOf(home), cwd);
    this.root = root;
    this.home = home;
    this.env = env;
    this.#children = children;
  }

  static async make(options: ScenarioOptions): Promise<Scenario> {
    const root = await mkdtemp(join(tmpdir(), 'spl-s-'));
    const env = {
      PATH: process.env['PATH'],
      HOME: join(root, 'u'),
      TMPDIR: join(root, 't'),
      SYNCROPEL_HOME: join(root, 'h'),
      SPL_ACTOR: ACTOR,
      SPL_ECHO_MS: String(options.echoMs ?? 20),
      ...options.env,
    };
    const made = new Scenario(root, join(root, 'w'), env, []);
    for (const folder of ['u', 't', 'w']) await mkdir(join(root, folder));
    const home = await openHome(made.home, { create: true, version: VERSION });
    const lines = [
      ['[server]', 'port = 0'],
      ['[fleet]', `heartbeat_interval_secs = ${options.heartbeatSecs ?? 0.3}`, ...(options.fleet ?? [])],
    ];
    await writeFile(home.paths.configToml, lines.flat().join('\n') + '\n');
    for (const [letter, config] of Object.entries(options.workers ?? {})) {
      const worker = await made.openWorkerHome(letter);
      await writeFile(worker.paths.configToml, config);
    }
    return made;
  }

  /** The same home and fleet, with the commands typed in a folder of its own. */
  async inFolder(name: string): Promise<Scenario> {
    const cwd = join(this.cwd, name);
    await mkdir(cwd);
    return new Scenario(this.root, cwd, this.env, this.#children);
  }

  // --- commands -----------------------------------------------------------------------------------------------

  /**
   * Types a command. It runs in this process, by the code that `spl` is built of, but for one that serves. What it starts
   * are processes of the built program.
   */
  spl(...words: readonly string[]): Promise<Ran> {
    return this.splWith({}, ...words);
  }

  /** The same in a further environment. */
  splWith(env: NodeJS.ProcessEnv, ...words: readonly string[]): Promise<Ran> {
    return this.#ran(words, env, this.cwd);
  }

  /** The same in another folder. */
  splIn(cwd: string, ...words: readonly string[]): Promise<Ran> {
    return this.#ran(words, {}, cwd);
  }

  async #ran(words: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Ran> {
    if (isServing(words)) return ended(this.start(words, env), COMMAND_MS);
    const [out, err] = [new Sink(), new Sink()];
    const around = { ...this.env, ...env };
    const host: Host = {
      ...processHost(AbortSignal.timeout(COMMAND_MS), around),
      ...{ out, err, terminal: null, cwd },
      starter: starterOf({ file: join(BIN, 'spl'), execArgv: [], env: around }),
    };
    const code = await main(words, host);
    return { code, out: out.text, err: err.text };
  }

  /** Types a command in a process of its own, as a shell does. */
  splProcess(...words: readonly string[]): Promise<Ran> {
    return ended(this.start(words), COMMAND_MS);
  }

  /** Types a command, which must succeed. @returns its document. */
  async json<T = Record<string, unknown>>(...words: readonly string[]): Promise<T> {
    const { code, out, err } = await this.spl(...words, '--json');
    assert.equal(code, 0, `spl ${words.join(' ')} ended with ${code}: ${err}`);
    return JSON.parse(out) as T;
  }

  /** Types a command, which must be refused. */
  async refused(exit: number, ...words: readonly string[]): Promise<Refused> {
    const { code, out, err } = await this.spl(...words, '--json');
    assert.equal(code, exit, `spl ${words.join(' ')} ended with ${code}: ${out}${err}`);
    return (JSON.parse(err) as { error: Refused }).error;
  }

  /** Starts a command and lets it run. It is ended with the scenario. */
  start(words: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return this.startProgram(join(BIN, 'spl'), words, env);
  }

  /** Starts another program in the place of `spl`; with `ipc`, one to exchange messages with. */
  startProgram(
    file: string,
    words: readonly string[],
    env: NodeJS.ProcessEnv = {},
    { execArgv = [], ipc = false }: { execArgv?: readonly string[]; ipc?: boolean } = {},
  ): ChildProcess {
    const child = spawn(process.execPath, [...execArgv, file, ...words], {
      cwd: this.cwd,
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
    });
    this.#children.push(child);
    return child;
  }

  /** `spl fleet start`. */
  async startFleet(workers: number, env: NodeJS.ProcessEnv = {}): Promise<FleetStarted> {
    const { code, out, err } = await this.splWith(
      env,
      'fleet',
      'start',
      '--workers',
      String(workers),
      '--json',
    );
    assert.equal(code, 0, `fleet start ended with ${code}: ${err}`);
    return JSON.parse(out) as FleetStarted;
  }

  /** A child's environment in which one of the files of `preload/` is loaded first. */
  preload(name: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { NODE_OPTIONS: `--import=${pathToFileURL(fileURLToPath(new URL(name, PRELOADS))).href}`, ...env };
  }

  /** Starts the fleet without workers, for a look at what a home holds. */
  async joinAfterStart(task: string): Promise<JoinStatus> {
    await this.startFleet(0);
    return this.join(task);
  }

  // --- records ------------------------------------------------------------------------------------------------

  /** The records of a task's thread, oldest first: from the disk, since answering from an index costs its start. */
  async records(task: string): Promise<readonly FleetRecord[]> {
    return this.recordsOn((await this.client.report('task', { task })).thread);
  }

  async recordsOn(thread: string): Promise<readonly FleetRecord[]> {
    const { records: end } = await this.client.report('health', {});
    return (await this.#log({ position: end })).filter(record => record.thread === thread);
  }

  // --- processes ----------------------------------------------------------------------------------------------

  /** The process of an instance. */
  async pidOf(name: string): Promise<number> {
    const { pid } = await this.instance(name);
    assert.ok(pid !== null, `${name} has no process`);
    return pid;
  }

  /** Ends a process of this scenario at once, and waits until it is gone. */
  async kill(pid: number): Promise<void> {
    this.signal(pid, 'SIGKILL');
    await this.gone(pid);
  }

  /** Signals a process, if it is one of this scenario's: the number of one that has ended may be another's by now. */
  signal(pid: number, name: NodeJS.Signals): void {
    if (isNaming(pid, this.root)) process.kill(pid, name);
  }

  async gone(pid: number): Promise<void> {
    await soon(`process ${pid} is gone`, () => !isNaming(pid, this.root));
  }

  /** Waits until a record with this topic stands in the log of a home, whether anybody was told of it or not. */
  async written(home: string, topic: string): Promise<void> {
    const folder = homePaths(home).logDir;
    const needle = `"topic":"${topic}"`;
    await soon(`${topic} is in the log of ${home}`, async () => {
      const names = await readdir(folder).catch(() => []);
      const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'latin1')));
      return texts.some(text => text.includes(needle));
    });
  }

  /** The path of a file where the commands are typed, and where subtasks run. */
  at(name: string): string {
    return join(this.cwd, name);
  }

  /** Writes a file where the commands are typed. */
  write(name: string, text: string): Promise<void> {
    return writeFile(this.at(name), text);
  }

  /** The text of a file, as soon as it has one. */
  async text(file: string): Promise<string> {
    let text = '';
    await soon(`'${file}' is written`, async () => {
      text = await readFile(file, 'utf8').catch(() => '');
      return text !== '';
    });
    return text;
  }

  workerHome(letter: string): string {
    return workerHome(this.home, letter.charCodeAt(0) - 97);
  }

  openWorkerHome(letter: string): Promise<Home> {
    return openHome(this.workerHome(letter), { create: true, version: VERSION });
  }

  // --- the end ------------------------------------------------------------------------------------------------

  /** Ends the fleet as a user does, and proves what every scenario has to leave behind: nothing. */
  async end({ damaged = false }: EndOptions): Promise<void> {
    if (!damaged) {
      if (processesNaming(this.root).length > 0 && !(await this.#answers())) await this.startFleet(0);
      if (await this.#answers()) {
        const { code, err } = await this.spl('fleet', 'stop', '--all', '--grace', '0');
        assert.equal(code, 0, `fleet stop ended with ${code}: ${err}`);
      }
      await this.#checkLogs();
      await this.checkLaws();
    }
    await this.close();
    await this.nothingRuns();
    await this.#checkFolders();
  }

  /** Proves that every fan-out in the log of this home has kept the laws so far. */
  async checkLaws(): Promise<void> {
    const { key } = await openHome(this.home, { create: false });
    const threads = new Map<string, FleetRecord[]>();
    for (const record of await this.#log()) {
      const thread = threads.get(record.thread);
      if (thread === undefined) threads.set(record.thread, [record]);
      else thread.push(record);
    }
    for (const records of threads.values()) {
      const isFanOut = records.some(({ body }) => body['topic'] === 'fanout');
      if (isFanOut) checkLaws(records[0]!.body['alias'] as string, records, key.did);
    }
  }

  /** Reads the log on the disk up to a position, else all of it. */
  async #log(to?: { position: number }): Promise<FleetRecord[]> {
    const records: FleetRecord[] = [];
    for await (const { record } of readSegments(homePaths(this.home).logDir, { fromPosition: 0, to }))
      records.push(record.record);
    return records;
  }

  async nothingRuns(): Promise<void> {
    let left: readonly string[] = [];
    await soon(
      () => `nothing runs any more: ${left.join('; ')}`,
      () => {
        left = processesNaming(this.root).map(({ pid, command }) => `${pid} ${command}`);
        return left.length === 0;
      },
    );
  }

  async #answers(): Promise<boolean> {
    return (await this.spl('serve', '--status')).code === 0;
  }

  async #checkLogs(): Promise<void> {
    for (const name of await readdir(this.root)) {
      if (!name.startsWith('h')) continue;
      for await (const told of verifyLog(join(this.root, name, 'log'))) {
        assert.notEqual(told.kind, 'damage', `the log of ${name}: ${JSON.stringify(told)}`);
      }
    }
  }

  async #checkFolders(): Promise<void> {
    const names = await readdir(this.root);
    const strange = names.filter(name => !/^(?:[uwt]|h|h-worker-[a-z]+)$/.test(name));
    assert.deepEqual(strange, [], 'files outside the homes');
    assert.deepEqual(await readdir(join(this.root, 't')), [], 'files in the folder for temporary files');
    assert.deepEqual(await readdir(join(this.root, 'u')), [], "files in the user's own folder");
  }

  /** The error with the last words of the processes; their whole logs are kept, since the folder is removed. */
  async explained(error: unknown): Promise<Error> {
    const kept = join(ROOT, 'out', 'logs', basename(this.root));
    const told: string[] = [];
    for (const name of await readdir(this.root)) {
      for (const file of ['coordinator.log', 'worker.log']) {
        const text = await readFile(join(this.root, name, 'logs', file), 'utf8').catch(() => '');
        if (text === '') continue;
        await mkdir(join(kept, name), { recursive: true });
        await writeFile(join(kept, name, file), text);
        told.push(`--- ${join(kept, name, file)}\n${text.split('\n').slice(-25).join('\n')}`);
      }
    }
    return new Error(`${inspect(error)}\n${told.join('\n')}`);
  }

  /** Takes down everything that was started, whatever state it is in: `await using fleet = await Scenario.make()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    for (const child of this.#children) child.kill('SIGKILL');
    await endProcesses(this.root);
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Keeps what is written to it, which no terminal shows. */
class Sink implements Output {
  readonly #chunks: Uint8Array[] = [];
  readonly isTTY = false;
  readonly columns = 80;
  readonly rows = 24;
  readonly colours = coloursFor(false, {});

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  write(data: string | Uint8Array): void {
    this.#chunks.push(typeof data === 'string' ? Buffer.from(data) : data);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/** Tells whether a command would host a coordinator in the process that it runs in. */
const isServing = ([verb, ...flags]: readonly string[]): boolean =>
  verb === 'serve' && !flags.some(flag => flag === '--status' || flag === '--stop');

/** Waits for the end of a process. */
export async function ended(child: ChildProcess, withinMs = COMMAND_MS): Promise<Ran> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, out, err };
}

/** Reads the lines that a process prints. @returns a function that waits for the next line which is as wanted. */
export function linesOf(child: ChildProcess): (isIt: (line: string) => boolean) => Promise<string> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const seen: string[] = [];
  return async isIt => {
    for (;;) {
      const { value: line } = (await lines.next()) as IteratorResult<string, undefined>;
      assert.ok(line !== undefined, `it ended after:\n${seen.join('\n')}`);
      seen.push(line);
      if (isIt(line)) return line;
    }
  };
}

/** Tells whether a process runs; one that has ended and waits to be collected does not. */
export const isThere = (pid: number): boolean => processStart(pid) !== null;

/** Subtasks for the echo executor. */
export function echoes(count: number, more: object = {}): object[] {
  return Array.from({ length: count }, (_, i) => ({ goal: `part ${i}`, ...more }));
}
