import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { FleetError, systemCodeOf } from '../../errors.ts';

/** What of the environment says whose work this is; all else that begins with `GIT_` would point git elsewhere. */
const KEPT =
  /^GIT_(?:AUTHOR|COMMITTER)_|^GIT_(?:SSH|SSH_COMMAND|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM)$/;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** The time that one git may take, with the filters that it runs. */
const TIMEOUT_MS = 10 * 60_000;
/** The time that is waited for its output once it has ended: a process that it started may hold the pipe. */
const DRAIN_MS = 1_000;
/** The most of its own words that an error repeats, in UTF-16 code units. */
const MAX_WORDS = 1_000;

/**
 * Book-keeping runs none of the user's hooks and monitors, begins no work that outlives it, and takes no lock that it can do
 * without.
 */
const SETTINGS = [
  '--no-optional-locks',
  ...[
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'commit.gpgSign=false',
    'gc.auto=0',
    'maintenance.auto=false',
  ].flatMap(setting => ['-c', setting]),
];

const ending = new AsyncLocalStorage<AbortSignal>();

/** Does some work of which each git, with all that it started, ends with the signal. */
export function endingWith<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return ending.run(signal, work);
}

/** Does some work that is done to its end though it is part of one which ends with a signal. */
export function regardless<T>(work: () => Promise<T>): Promise<T> {
  return ending.exit(work);
}

/**
 * Runs git in a folder, in a process group of its own. @returns what it printed.
 * @throws WORKER_FAILED with git's own words, or when it took too long; NOT_SUPPORTED where there is no git.
 */
export async function git(dir: string, ...args: readonly string[]): Promise<string> {
  return (await run(dir, args)).toString('utf8');
}

/** The same, with what it reads as its input. */
export async function gitReading(dir: string, input: Buffer, ...args: readonly string[]): Promise<string> {
  return (await run(dir, args, input)).toString('utf8');
}

/** The same, as lines, without the last line's end. */
export async function gitLines(dir: string, ...args: readonly string[]): Promise<string[]> {
  const text = await git(dir, ...args);
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** The same, of a list that git ends item by item with NUL. */
export async function gitList(dir: string, ...args: readonly string[]): Promise<string[]> {
  return (await git(dir, ...args)).split('\0').filter(item => item !== '');
}

/** The same, of paths, each byte of which is a character: a name of a file need not be text. */
export async function gitPaths(dir: string, ...args: readonly string[]): Promise<string[]> {
  return (await run(dir, args))
    .toString('latin1')
    .split('\0')
    .filter(item => item !== '');
}

/** Whether git says yes, by how it ends. */
export function gitSays(dir: string, ...args: readonly string[]): Promise<boolean> {
  return git(dir, ...args).then(
    () => true,
    () => false,
  );
}

function run(dir: string, args: readonly string[], input?: Buffer): Promise<Buffer> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_') || KEPT.test(name)),
  );
  const signal = ending.getStore();
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(ended(args, dir, String(signal.reason)));
    const child = spawn('git', ['-C', dir, ...SETTINGS, ...args], {
      env: { ...env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' },
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const out = gathered(child.stdout!);
    const err = gathered(child.stderr!);
    let why: string | undefined;
    const end = (reason: string): void => {
      why ??= reason;
      endGroup(child.pid);
    };
    const onAbort = (): void => end(String(signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => end(`took more than ${TIMEOUT_MS / 60_000} minutes`), TIMEOUT_MS);
    let drained: NodeJS.Timeout | undefined;
    const settle = (answer: () => void): void => {
      clearTimeout(timer);
      clearTimeout(drained);
      signal?.removeEventListener('abort', onAbort);
      answer();
    };
    child.once('error', error => settle(() => reject(notRun(error))));
    child.once('exit', () => {
      drained = setTimeout(() => (child.stdout!.destroy(), child.stderr!.destroy()), DRAIN_MS);
    });
    child.once('close', (code: number | null) =>
      settle(() => {
        if (why !== undefined) reject(ended(args, dir, why));
        else if (out.isOver) reject(ended(args, dir, 'printed more than can be read'));
        else if (code === 0) resolve(out.read());
        else reject(failed(args, dir, err.read().toString('utf8'), code));
      }),
    );
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/** Ends git with all that it started. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function gathered(stream: NodeJS.ReadableStream): { read(): Buffer; readonly isOver: boolean } {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_OUTPUT_BYTES) chunks.push(chunk);
  });
  stream.on('error', () => undefined);
  return {
    read: () => Buffer.concat(chunks),
    get isOver() {
      return length > MAX_OUTPUT_BYTES;
    },
  };
}

function notRun(cause: Error): FleetError {
  const isMissing = systemCodeOf(cause) === 'ENOENT';
  const message = isMissing
    ? 'git was not found: worktrees need it'
    : `git could not be run: ${cause.message}`;
  return new FleetError('NOT_SUPPORTED', message, {
    hint: 'Install git, or run with isolation=folder.',
    cause,
  });
}

function ended(args: readonly string[], dir: string, why: string): FleetError {
  return new FleetError('WORKER_FAILED', `git ${args[0]} was ended: ${why}`, { details: { args, dir } });
}

/** Matches lines of progress and advice, which say nothing of a fault. */
const CHATTER = /^(?:hint:|Preparing worktree|Updating files|HEAD is now at|Switched to)/;

/** All that it says is wrong: its last line is often only what follows from the first. */
function failed(args: readonly string[], dir: string, stderr: string, code: number | null): FleetError {
  const lines = stderr.split(/[\r\n]+/).map(line => line.trim());
  const told = lines.filter(line => line !== '' && !CHATTER.test(line));
  const words = told.map(line => line.replace(/^(?:fatal|error): /, '')).join('; ');
  return new FleetError(
    'WORKER_FAILED',
    `git ${args[0]}: ${(words || `ended with ${code}`).slice(0, MAX_WORDS)}`,
    {
      details: { args, dir },
    },
  );
}
