import { plural, size } from '../../contract/format.ts';
import { messageOf, FleetError } from '../../errors.ts';
import { hasSeveralLines } from '../../domain/commands/subtask-validation.ts';
import { commandRunner, type CommandOptions, type CommandRunner } from '../executors/command.ts';
import { timeoutReason, watchForEnding, withoutCommand } from '../executors/ending.ts';
import type { AttemptResult, AttemptSpec, Executor, ExecutorContext } from '../executors/executor.ts';
import { stateOf } from './checkout.ts';
import { closeWorktree, markStarted, type Closed, type IgnoredFiles } from './closing.ts';
import { withGitLimits } from '../git/git.ts';
import { emptySubmodulesIn } from './nested.ts';
import { PORTS, takePorts, type PortBlock } from './ports.ts';
import { differences } from './shared.ts';
import { makeWorktree, type Worktree, type WorktreeSettings } from './worktree.ts';

export interface IsolationOptions extends CommandOptions {
  /** The folder of this worker's worktrees. */
  readonly folder: string;
  readonly settings: WorktreeSettings;
  /** The environment that the set-up command inherits. */
  readonly env: NodeJS.ProcessEnv;
  /** Returns the time in ms since 1970. */
  readonly now: () => number;
  /** Aborts when the worker ends, and ends git. Default: never. */
  readonly closing?: AbortSignal;
}

/** Wraps an executor so that attempts with `isolation: worktree` run in a worktree of their own. */
export function withIsolation(executor: Executor, options: IsolationOptions): Executor {
  const commands = commandRunner(options);
  return {
    ...executor,
    start: (attempt, context) =>
      attempt.isolation === 'worktree'
        ? runIsolated(executor, commands, options, attempt, context)
        : executor.start(attempt, context),
  };
}

async function runIsolated(
  executor: Executor,
  commands: CommandRunner,
  options: IsolationOptions,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult> {
  const { settings, closing = NEVER } = options;
  const begunAt = performance.now();
  const worktree = await made(options, attempt, context.signal);
  if ('verdict' in worktree) return worktree;
  const { top, common } = worktree.checkout;
  const ports = await takePorts(startOf(attempt));
  const leftMs = attempt.timeoutMs === null ? null : attempt.timeoutMs - (performance.now() - begunAt);
  const timeoutMs = leftMs === null ? null : Math.max(1, leftMs);
  const env = { ...attempt.env, ...environmentOf(worktree, ports) };
  const inside = { ...attempt, dir: worktree.cwd, env, timeoutMs };
  /** A cancelled attempt does not end git: its work is to be kept. */
  const bounded = <T>(work: () => Promise<T>): Promise<T> => withGitLimits(closing, work, settings.timeoutMs);
  const look = async (): Promise<ReadonlyMap<string, string>> => stateOf(top, common);
  try {
    const before = await worktree.before;
    const ran = await run(executor, commands, options, worktree, inside, context, bounded);
    const result = withTimeout(ran, timeoutMs, attempt.timeoutMs);
    const compare = async (): Promise<string[]> => differences(top, before!, await look());
    const [closed, escaped] = await Promise.all([
      bounded(() => withWork(result, options.folder, worktree)),
      before === null ? null : bounded(compare).catch(() => null),
    ]);
    return afterEscape(closed, escaped, worktree, settings);
  } finally {
    ports?.release();
  }
}

/** Makes the worktree of an attempt within the attempt's time. @returns the result of the attempt when that fails. */
async function made(
  { folder, settings, now, closing = NEVER }: IsolationOptions,
  attempt: AttemptSpec,
  signal: AbortSignal,
): Promise<Worktree | AttemptResult> {
  const { dir } = attempt;
  if (dir === null) return withoutCommand('failed', 'a worktree needs a folder in a git repository');
  const watch = watchForEnding(attempt.timeoutMs, signal);
  const stopped = new AbortController();
  void watch.ending.then(({ reason }) => stopped.abort(reason));
  const onClosing = (): void => stopped.abort(closing.reason);
  closing.addEventListener('abort', onClosing, { once: true });
  if (closing.aborted) onClosing();
  try {
    const make = (): Promise<Worktree> => makeWorktree(folder, dir, attempt, settings, now());
    return await withGitLimits(stopped.signal, make, settings.timeoutMs);
  } catch (error) {
    const { verdict, reason } = watch.ended ?? { verdict: 'failed', reason: faultText(error) };
    return withoutCommand(verdict, reason);
  } finally {
    watch.stop();
    closing.removeEventListener('abort', onClosing);
  }
}

/** Runs the set-up and the attempt in the worktree. Never rejects. */
async function run(
  executor: Executor,
  commands: CommandRunner,
  { folder, settings, now }: IsolationOptions,
  worktree: Worktree,
  inside: AttemptSpec,
  context: ExecutorContext,
  bounded: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<AttemptResult> {
  try {
    const unready = settings.setup === null ? null : await setUp(commands, settings, inside, context);
    await bounded(() => markStarted(folder, worktree.name, settings.setup !== null, now()));
    const note = await bounded(() => noteText(worktree));
    const result = unready ?? (await executor.start(inside, context));
    return note === null ? result : { ...result, reason: withNote(result.reason, note) };
  } catch (error) {
    return withoutCommand('failed', faultText(error));
  }
}

/** Describes the parts that a worktree lacks at its start; null when it is complete. */
async function noteText({ dir, missing, behind, checkout }: Worktree): Promise<string | null> {
  const empty = await emptySubmodulesIn(dir);
  const notes = [
    empty.length === 0
      ? null
      : `${plural(empty.length, 'submodule')} began empty: ${someOf(empty)} (a set-up can fill them: git submodule update --init)`,
    behind.length === 0
      ? null
      : `uncommitted changes in ${plural(behind.length, 'submodule')} were not carried: ${someOf(behind)} (commit them there, then carry)`,
    missing.length === 0 ? null : `files to include were not found in '${checkout.top}': ${someOf(missing)}`,
  ].filter(note => note !== null);
  return notes.length === 0 ? null : notes.join('; ');
}

/** Replaces the remaining time in the text of a time-out with the attempt's own: the worktree took a part of it. */
function withTimeout(result: AttemptResult, spent: number | null, own: number | null): AttemptResult {
  if (result.verdict !== 'timeout' || result.reason === null || spent === null || own === null) return result;
  return { ...result, reason: result.reason.replace(timeoutReason(spent), timeoutReason(own)) };
}

const NEVER = new AbortController().signal;

/** Runs the set-up of a worktree. @returns null when it succeeds; else the result of the attempt. */
async function setUp(
  commands: CommandRunner,
  { setup, timeoutMs: limitMs }: WorktreeSettings,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult | null> {
  const script = setup!;
  const timeoutMs = Math.min(limitMs, attempt.timeoutMs ?? limitMs);
  const spec = { ...attempt, timeoutMs };
  const made = await commands.run({ script, errexit: hasSeveralLines(script) }, spec, context);
  if (made.verdict === 'accept') return null;
  return { ...made, costUsd: 0, reason: `the set-up of its worktree: ${made.reason ?? made.verdict}` };
}

async function withWork(result: AttemptResult, folder: string, worktree: Worktree): Promise<AttemptResult> {
  try {
    const closed = await closeWorktree(folder, worktree.name);
    const note = closedText(closed);
    const noted = note === null ? result : { ...result, reason: withNote(result.reason, note) };
    return closed.work === null ? noted : { ...noted, work: closed.work };
  } catch (error) {
    const { branch, base, dir } = worktree;
    return {
      ...result,
      verdict: result.verdict === 'accept' ? 'failed' : result.verdict,
      reason: withNote(
        result.verdict === 'accept' ? null : result.reason,
        `its changes in '${dir}' could not be committed to its branch: ${faultText(error)}`,
      ),
      work: { branch, base, dir },
    };
  }
}

/** Describes files that are not on the branch, and committed ones that may be wrong; null for none. */
function closedText({ gone, hidden, marked }: Closed): string | null {
  const notes = [
    marked.length === 0 ? null : `committed with conflict markers: ${someOf(marked)}`,
    hidden.length === 0
      ? null
      : `${plural(hidden.length, 'file')} ignored only by your git configuration stay in its worktree: ${someOf(hidden)}`,
    gone === null ? null : goneText(gone),
  ].filter(note => note !== null);
  return notes.length === 0 ? null : notes.join('; ');
}

/** Describes the ignored files that were removed with an otherwise unchanged worktree. */
function goneText({ count, bytes, paths }: IgnoredFiles): string {
  const more = count > paths.length ? ', …' : '';
  return `${plural(count, 'ignored file')} (${size(bytes)}) went with its worktree: ${paths.join(', ')}${more}`;
}

const withNote = (reason: string | null, note: string): string =>
  reason === null ? note : `${reason}; ${note}`;

const MAX_NAMED = 5;

const someOf = (names: readonly string[]): string =>
  names.slice(0, MAX_NAMED).join(', ') + (names.length > MAX_NAMED ? ', …' : '');

/**
 * Adds the changes of the checkout during an attempt to its result: the attempt has left its worktree, or somebody else
 * worked there.
 * @param escaped the changes; null when git did not answer in time
 */
function afterEscape(
  result: AttemptResult,
  escaped: readonly string[] | null,
  { checkout }: Worktree,
  { escape }: WorktreeSettings,
): AttemptResult {
  if (escaped === null)
    return {
      ...result,
      reason: withNote(result.reason, `it is unknown whether '${checkout.top}' was changed`),
    };
  if (escaped.length === 0) return result;
  const note = `while it ran in its worktree, '${checkout.top}' was changed: ${someOf(escaped)}`;
  const reason = withNote(result.reason, note);
  return escape === 'fail' && result.verdict === 'accept'
    ? { ...result, verdict: 'failed', reason }
    : { ...result, reason };
}

function environmentOf({ branch, dir }: Worktree, ports: PortBlock | undefined): Record<string, string> {
  return {
    SPL_BRANCH: branch,
    SPL_WORKTREE: dir,
    ...(ports === undefined ? {} : { SPL_PORT_BASE: String(ports.first), SPL_PORT_COUNT: String(PORTS) }),
  };
}

/** Spreads the attempts of one fan-out over the ports. */
function startOf({ thread, attempt }: AttemptSpec): number {
  return parseInt(thread.slice(3, 11), 16) + attempt || 0;
}

function faultText(error: unknown): string {
  const hint = error instanceof FleetError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}. ${hint}`;
}
