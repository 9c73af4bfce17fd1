import { spawn, type ChildProcess } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { isAlive, processStart } from '../home/process.ts';

/**
 * `npm start`: the tutorial, then real work on this very repository. Every command that it runs is printed as one
 * would type it, with what it really prints; all of it happens in a throw-away home.
 */

/** This file is `dist/bin/tour.js`, and `spl` lies beside it. */
const bin = dirname(realpathSync(process.argv[1]!));
const repository = dirname(dirname(bin));
/** How long a process may take to end once it was told to, in milliseconds. */
const ENDING_MS = 5_000;

/** A command of the tour failed, or the user left. */
class TourEnded extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A throw-away home, and every process that was started in it. */
class Stage {
  readonly folder: string;
  readonly #processes = new Map<number, string>();
  #running: ChildProcess | undefined;
  #leaving: number | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The user wants to leave: what runs is interrupted, and no further command begins. */
  leave(signal: 'SIGINT' | 'SIGTERM'): void {
    this.#leaving = 128 + constants.signals[signal];
    this.#running?.kill('SIGINT');
  }

  /** Runs `spl`, printing the command and its output. @returns what it printed. @throws TourEnded. */
  async spl(...words: readonly string[]): Promise<string> {
    if (this.#leaving !== undefined) throw new TourEnded('interrupted', this.#leaving);
    const { output, code } = await this.run(words);
    if (this.#leaving !== undefined) throw new TourEnded('interrupted', this.#leaving);
    if (code !== 0) throw new CommandFailed(words, code, output);
    return output;
  }

  /** As `spl`, and takes any exit code, also after the user has left. */
  async run(words: readonly string[]): Promise<{ output: string; code: number }> {
    print(`\n$ spl ${words.map(quoted).join(' ')}\n`);
    const child = spawn(process.execPath, [join(bin, 'spl'), ...words], {
      cwd: repository,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
      // Of its own group, so that Ctrl-C reaches it through us only, and the tearing down not at all.
      detached: true,
    });
    this.#running = child;
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      print(text);
      this.#noteProcesses(text);
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) =>
        resolve(exitCode ?? 128 + constants.signals[signal ?? 'SIGKILL']),
      );
    });
    this.#running = undefined;
    return { output, code };
  }

  /** Ends what is still there and removes the home. @returns the processes that had to be ended. */
  async clear(): Promise<readonly number[]> {
    const left = await this.#alive(ENDING_MS);
    for (const pid of left) endGroup(pid, 'SIGTERM');
    for (const pid of await this.#alive(left.length === 0 ? 0 : ENDING_MS)) endGroup(pid, 'SIGKILL');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    return left;
  }

  #environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(SPL_|SYNCROPEL_|npm_)/.test(name));
    return {
      ...Object.fromEntries(own),
      SYNCROPEL_HOME: join(this.folder, 'home'),
      // What the checks of the second act leave behind goes with the home.
      TMPDIR: join(this.folder, 'tmp'),
      npm_config_cache: join(this.folder, 'npm'),
      npm_config_update_notifier: 'false',
    };
  }

  #noteProcesses(text: string): void {
    for (const [, digits] of text.matchAll(/\bPID (\d+)/g)) {
      const pid = Number(digits);
      const start = processStart(pid);
      if (start !== null) this.#processes.set(pid, start);
    }
  }

  async #alive(withinMs: number): Promise<readonly number[]> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const alive = [...this.#processes].filter(([pid, start]) => isAlive(pid, start)).map(([pid]) => pid);
      if (alive.length === 0 || performance.now() > deadline) return alive;
      await delay(20);
    }
  }
}

class CommandFailed extends TourEnded {
  readonly output: string;

  constructor(words: readonly string[], code: number, output: string) {
    super(`spl ${words.slice(0, 2).join(' ')} ended with ${code}`, 1);
    this.output = output;
  }
}

async function firstAct(stage: Stage): Promise<void> {
  title('First act: a first fan-out');
  const started = await stage.spl('fleet', 'start', '--workers', '2');
  const [first, second] = workerDids(started);
  await stage.spl('fleet', 'list');
  await stage.spl('task', 'add', 'Draft the release notes and check them', '--alias', 'FIRST-001');
  await stage.spl(
    ...['task', 'fan-out', 'FIRST-001'],
    ...['--subtask', `goal=Draft the notes,target=specific:${first}`],
    ...['--subtask', `goal=Check the links,target=specific:${second}`],
  );
  await stage.spl('task', 'join-status', 'FIRST-001', '--watch');
  await stage.spl('task', 'join-status', 'FIRST-001');
  await stage.spl('task', 'speedup', 'FIRST-001');
  await stage.spl('fleet', 'stop', '--all');
}

/** The checks of this repository, as subtasks, the longest first. Each does the same work however often it runs. */
const CHECKS = [
  'name=tests,goal=Run the unit tests,run="npm run --silent test:unit"',
  'name=lint,goal=Check style and import directions,run="npm run --silent lint"',
  'name=types,goal=Check the types,run="npm run --silent typecheck -- --force"',
];

async function secondAct(stage: Stage): Promise<void> {
  title('Second act: real work, on this very repository');
  await stage.spl('fleet', 'start', '--workers', '2', '--executor', 'shell');
  await stage.spl('task', 'add', 'Check this repository', '--alias', 'CHECK-001', '--dir', repository);
  const subtasks = CHECKS.flatMap(check => ['--subtask', check]);
  await showingOutput(stage, 'CHECK-001', () =>
    stage.spl('task', 'fan-out', 'CHECK-001', ...subtasks, '--wait'),
  );
  const serial = await showingOutput(stage, 'CHECK-001-serial', () =>
    stage.spl('task', 'run-serial', 'CHECK-001', '--wait'),
  );
  await stage.spl('task', 'speedup', 'CHECK-001', '--vs-serial', threadOf(serial));
  await stage.spl('fleet', 'stop', '--all');
}

/** Runs a task's fan-out; when it is not satisfied, prints what its failed subtasks printed. @returns what it printed. */
async function showingOutput(stage: Stage, task: string, fanOut: () => Promise<string>): Promise<string> {
  try {
    return await fanOut();
  } catch (thrown) {
    if (thrown instanceof CommandFailed) {
      const failed = new Set([...thrown.output.matchAll(/^✗ \[(\d+)\]/gm)].map(([, index]) => index!));
      for (const index of failed) await stage.run(['task', 'output', task, '--subtask', index]);
    }
    throw thrown;
  }
}

async function tour(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'spl-tour-'));
  await mkdir(join(folder, 'tmp'));
  const stage = new Stage(folder);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stage.leave(signal));
  let failure: unknown;
  try {
    await firstAct(stage);
    await secondAct(stage);
  } catch (thrown) {
    failure = thrown;
    await stage.run(['fleet', 'stop', '--all', '--grace', '1']);
  }
  const left = await stage.clear();
  if (left.length > 0) print(`\n⚠ had to end: PID ${left.join(', ')}\n`);
  if (failure === undefined && left.length === 0) {
    print('\n✓ The tour is over; its home is removed and nothing of it runs.\n');
    return 0;
  }
  if (failure !== undefined) process.stderr.write(`\nerror: the tour ended early: ${messageOf(failure)}\n`);
  return failure instanceof TourEnded ? failure.exitCode : 1;
}

/** The DIDs of the two workers, as `fleet start` prints them. */
function workerDids(started: string): readonly [string, string] {
  const [first, second] = [...started.matchAll(/^ {2}worker-\w+ +(did:\S+) on /gm)].map(([, did]) => did);
  if (first === undefined || second === undefined) throw new Error('fleet start named no two workers');
  return [first, second];
}

function threadOf(printed: string): string {
  const thread = /^ +thread: +(th_\S+)$/m.exec(printed)?.[1];
  if (thread === undefined) throw new Error('run-serial named no thread');
  return thread;
}

/** Ends a process and the group that it leads, as far as there is one. */
function endGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
    } catch {
      // It has ended meanwhile, or leads no group.
    }
  }
}

/** A word as one types it in a shell. */
function quoted(word: string): string {
  if (/^[\w./:@%+=,-]+$/.test(word)) return word;
  return /["$`\\!]/.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : `"${word}"`;
}

function title(text: string): void {
  print(`\n${text}\n${'─'.repeat(text.length)}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}

void tour().then(code => process.exit(code));
