import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { FleetError, systemCodeOf } from '../../errors.ts';
import { sendSignal } from '../../system/processes.ts';

/**
 * Matches variables for authorship and for access to remotes. All other variables that begin with `GIT_` are removed,
 * because they would point git to another repository.
 */
const KEPT =
  /^GIT_(?:AUTHOR|COMMITTER|LFS|SSL)_|^GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM)$/;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
/** The default time limit of one git, with the filters that it runs. */
export const GIT_TIMEOUT_MS = 10 * 60_000;
/** The wait for its output after its end: a process that it started may hold the pipe. */
const DRAIN_MS = 1_000;
/** The longest text of git in an error, in UTF-16 code units. */
const MAX_WORDS = 1_000;

/**
 * Settings for internal use of git: no hooks, monitors, signers and password prompts of the user, no background work,
 * no optional locks, and no setting that hides or rejects a change. Filters run, because they make the files.
 */
const SETTINGS = [
  '--no-optional-locks',
  ...[
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.untrackedCache=false',
    'core.askPass=',
    'core.safecrlf=false',
    'core.splitIndex=false',
    'core.trustctime=true',
    'core.checkStat=default',
    'sparse.expectFilesOutsideOfPatterns=false',
    'add.ignoreErrors=false',
    'commit.gpgSign=false',
    'commit.cleanup=verbatim',
    'submodule.recurse=false',
    'diff.relative=false',
    'diff.orderFile=/dev/null',
    'grep.patternType=basic',
    'gc.auto=0',
    'maintenance.auto=false',
  ].flatMap(setting => ['-c', setting]),
];

/**
 * Starts git behind a guard of its group: a shell that reads from a pipe to this process, and ends the group when the
 * pipe closes, as it does when this process dies. Arguments: those of git.
 */
const GUARDED = `
{ read -r word <&3; kill -s KILL 0; } </dev/null >/dev/null 2>&1 &
exec git "$@" 3<&-`;

/** The limits of git. */
interface Bounds {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /** The folder in which file modes count. */
  readonly modesIn?: string;
}

const bounds = new AsyncLocalStorage<Bounds>();

/** Runs some work in which each git, with its child processes, ends when the signal aborts and after the time limit. */
export function withGitLimits<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  timeoutMs = GIT_TIMEOUT_MS,
): Promise<T> {
  return bounds.run({ timeoutMs, ...(signal === undefined ? {} : { signal }) }, work);
}

/** Runs some work to its end, also inside of work that ends with a signal. */
export function withoutGitLimits<T>(work: () => Promise<T>): Promise<T> {
  return bounds.exit(work);
}

/**
 * Runs some work for which file modes count in a worktree, whatever the configuration says: git and the attempt made
 * all files there. On a disk without modes the configuration applies.
 */
export async function withFileModes<T>(dir: string, work: () => Promise<T>): Promise<T> {
  if (!(await supportsFileModes(join(dir, '.git')))) return work();
  const given = bounds.getStore() ?? { timeoutMs: GIT_TIMEOUT_MS };
  return bounds.run({ ...given, modesIn: dir }, work);
}

/** Changes a file's mode and restores it, as git does to detect support for modes. */
async function supportsFileModes(file: string): Promise<boolean> {
  try {
    const { mode } = await lstat(file);
    await chmod(file, mode ^ 0o100);
    const changed = await lstat(file);
    await chmod(file, mode);
    return changed.mode === (mode ^ 0o100);
  } catch {
    return false;
  }
}

/**
 * Runs a wait with the signal of the present work.
 * @param message describes the wait, for the error
 * @throws WORKER_FAILED when the signal aborts, and what `wait` throws.
 */
export async function abortableWait(
  message: string,
  wait: (signal: AbortSignal | undefined) => Promise<unknown>,
): Promise<void> {
  const signal = bounds.getStore()?.signal;
  try {
    await wait(signal);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    throw new FleetError('WORKER_FAILED', `${message}: ${String(signal.reason)}`);
  }
}

/** The input of git beside its arguments. */
export interface GitInput {
  /** The standard input. */
  readonly input?: Buffer;
  /** The index file; default: that of the folder's repository. */
  readonly index?: string;
}

/**
 * Runs git in a folder, in a process group of its own.
 * @returns its output.
 * @throws WORKER_FAILED with git's own message, or after the time limit; NOT_SUPPORTED when git is not installed.
 */
export async function git(dir: string, ...args: readonly string[]): Promise<string> {
  return (await run(dir, args)).toString('utf8');
}

/** As `git`, with an input or an index of its own. */
export async function gitWith(dir: string, given: GitInput, ...args: readonly string[]): Promise<string> {
  return (await run(dir, args, given)).toString('utf8');
}

/** As `git`. Returns lines, without the last line feed. */
export async function gitLines(dir: string, ...args: readonly string[]): Promise<string[]> {
  const text = await git(dir, ...args);
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** As `git`. Returns the items of a list that is separated by NUL. */
export async function gitList(dir: string, ...args: readonly string[]): Promise<string[]> {
  return (await git(dir, ...args)).split('\0').filter(item => item !== '');
}

/** As `git`. Returns paths with one character for each byte: a file name need not be text. */
export async function gitPaths(dir: string, ...args: readonly string[]): Promise<string[]> {
  return gitPathsWith(dir, {}, ...args);
}

/** As `gitPaths`, with an input or an index of its own. */
export async function gitPathsWith(
  dir: string,
  given: GitInput,
  ...args: readonly string[]
): Promise<string[]> {
  const text = (await run(dir, args, given)).toString('latin1');
  return text.split('\0').filter(item => item !== '');
}

/** Converts a path with one character for each byte to the bytes of the system. */
export const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');

/** Converts a path with one character for each byte to readable text. */
export const readable = (path: string): string => bytesOf(path).toString('utf8');

/** Converts readable text to a path as `gitPaths` returns it. */
export const charactersOf = (path: string): string => Buffer.from(path, 'utf8').toString('latin1');

/** Joins paths with one character for each byte to an input for `-z`, or for pathspecs from a file. */
export const listOf = (paths: readonly string[]): Buffer => bytesOf(paths.map(path => `${path}\0`).join(''));

/** True when git succeeds. */
export function gitSucceeds(dir: string, ...args: readonly string[]): Promise<boolean> {
  return git(dir, ...args).then(
    () => true,
    () => false,
  );
}

/** Matches git's messages about another git at work in the same repository. */
const RACE =
  /(?:lock|unable to create|could not create directory).*file exists|failed to read \S*\/worktrees\//i;
/** The pauses before git is run again after such a message, in ms. */
const PAUSES_MS = [20, 40, 80, 160, 320, 640, 1_280];

async function run(dir: string, args: readonly string[], given: GitInput = {}): Promise<Buffer> {
  const settings = [...SETTINGS, ...(await settingsOf(dir))];
  for (const pauseMs of PAUSES_MS) {
    try {
      return await runOnce(dir, settings, args, given);
    } catch (error) {
      if (!FleetError.is(error, 'WORKER_FAILED') || !RACE.test(error.message)) throw error;
      await abortableWait(error.message, signal => delay(pauseMs, undefined, signal && { signal }));
    }
  }
  return runOnce(dir, settings, args, given);
}

/**
 * Returns settings that override the repository's. A repository from another machine may say that case or modes do not
 * count although they do here, so that git would miss files and changes.
 */
async function settingsOf(dir: string): Promise<readonly string[]> {
  const [lower, upper] = await Promise.all(['.git', '.GIT'].map(name => isThere(join(dir, name))));
  const root = bounds.getStore()?.modesIn;
  const hasModes = root !== undefined && `${dir}/`.startsWith(`${root}/`);
  return [
    ...(lower === true && upper === false ? ['-c', 'core.ignoreCase=false'] : []),
    ...(hasModes ? ['-c', 'core.fileMode=true'] : []),
  ];
}

/** True when something exists at a path, also a link that leads nowhere. */
export const isThere = (path: string | Buffer): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

function environmentWith(index: string | undefined): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_') || KEPT.test(name));
  const own = { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', SSH_ASKPASS: '' };
  return { ...Object.fromEntries(kept), ...own, ...(index === undefined ? {} : { GIT_INDEX_FILE: index }) };
}

function spawnGit(words: readonly string[], { input, index }: GitInput): ChildProcess {
  const env = environmentWith(index);
  const stdin = input === undefined ? 'ignore' : 'pipe';
  if (process.platform === 'win32') return spawn('git', words, { env, stdio: [stdin, 'pipe', 'pipe'] });
  const child = spawn('/bin/sh', ['-c', GUARDED, 'spl-git', ...words], {
    env,
    detached: true,
    stdio: [stdin, 'pipe', 'pipe', 'pipe'],
  });
  (child.stdio[3] as Duplex | undefined)?.on('error', () => undefined);
  return child;
}

function runOnce(
  dir: string,
  settings: readonly string[],
  args: readonly string[],
  given: GitInput,
): Promise<Buffer> {
  const { signal, timeoutMs } = bounds.getStore() ?? { timeoutMs: GIT_TIMEOUT_MS };
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(ended(args, dir, String(signal.reason)));
    const child = spawnGit(['-C', dir, ...settings, ...args], given);
    const out = gathered(child.stdout!);
    const err = gathered(child.stderr!);
    let why: string | undefined;
    const end = (reason: string): void => {
      why ??= reason;
      endGroup(child.pid);
    };
    const onAbort = (): void => end(String(signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => end(`took more than ${timeoutMs / 1000} s`), timeoutMs);
    let drained: NodeJS.Timeout | undefined;
    const settle = (answer: () => void): void => {
      clearTimeout(timer);
      clearTimeout(drained);
      signal?.removeEventListener('abort', onAbort);
      answer();
    };
    child.once('error', error => settle(() => reject(notRun(error))));
    child.once('exit', () => {
      // Ends its guard, and the processes that it left.
      endGroup(child.pid);
      drained = setTimeout(() => (child.stdout!.destroy(), child.stderr!.destroy()), DRAIN_MS);
    });
    child.once('close', (code: number | null) =>
      settle(() => {
        if (why !== undefined) reject(ended(args, dir, why));
        else if (out.isOver) reject(ended(args, dir, 'printed more than can be read'));
        else if (code === 0) resolve(out.read());
        else if (code === NOT_FOUND) reject(notRun(undefined));
        else reject(failed(args, dir, err.read().toString('utf8'), code));
      }),
    );
    child.stdin?.on('error', () => undefined).end(given.input);
  });
}

/** The exit code of a shell that did not find its program. */
const NOT_FOUND = 127;

/** Ends git and its child processes. */
function endGroup(pid: number | undefined): void {
  if (pid !== undefined) sendSignal(-pid, 'SIGKILL');
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

/** @param cause undefined when the shell did not find git */
function notRun(cause: Error | undefined): FleetError {
  const isMissing = cause === undefined || systemCodeOf(cause) === 'ENOENT';
  const message = isMissing
    ? 'git was not found, and worktrees require it'
    : `git could not be run: ${cause.message}`;
  return new FleetError('NOT_SUPPORTED', message, {
    hint: 'Install git, or run with isolation=folder.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function ended(args: readonly string[], dir: string, why: string): FleetError {
  const details = { args, dir, ended: true };
  return new FleetError('WORKER_FAILED', `git ${args[0]} was ended: ${why}`, { details });
}

/** True for a git that was ended before it finished, so that nothing is known. */
export const wasEnded = (error: unknown): boolean =>
  FleetError.is(error, 'WORKER_FAILED') && error.details['ended'] === true;

/** Matches lines of progress and advice, which do not describe a fault. */
const CHATTER = /^(?:hint:|Preparing worktree|Updating files|HEAD is now at|Switched to)/;

/** Uses all lines of git: the last one is often only a consequence of the first. */
function failed(args: readonly string[], dir: string, stderr: string, code: number | null): FleetError {
  const lines = stderr.split(/[\r\n]+/).map(line => line.trim());
  const faults = lines.filter(line => line !== '' && !CHATTER.test(line));
  const words = faults.map(line => line.replace(/^(?:fatal|error): /, '')).join('; ');
  return new FleetError(
    'WORKER_FAILED',
    `git ${args[0]}: ${(words || `ended with ${code}`).slice(0, MAX_WORDS)}`,
    {
      details: { args, dir },
    },
  );
}
