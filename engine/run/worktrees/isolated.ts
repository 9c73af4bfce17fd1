import { plural } from '../../contract/format.ts';
import { messageOf, FleetError } from '../../errors.ts';
import { hasSeveralLines } from '../../fleet/subtasks.ts';
import { commandRunner, type CommandRunner } from '../executors/command.ts';
import { withoutCommand } from '../executors/ending.ts';
import type { AttemptResult, AttemptSpec, Executor, ExecutorContext } from '../executors/executor.ts';
import { differences, stateOf } from './checkout.ts';
import { PORTS, takePorts, type PortBlock } from './ports.ts';
import { endingWith } from './git.ts';
import {
  closeWorktree,
  makeWorktree,
  type IgnoredFiles,
  type Worktree,
  type WorktreeSettings,
} from './worktree.ts';

export interface IsolationOptions {
  /** Where this worker's worktrees lie. */
  readonly folder: string;
  readonly settings: WorktreeSettings;
  /** What the set-up command inherits. */
  readonly env: NodeJS.ProcessEnv;
  /** The folder in which each command is noted as long as it runs. Default: none is. */
  readonly commandsDir?: string;
  /** In ms since 1970. */
  readonly now: () => number;
  /** Aborted when the worker ends: git ends with it. Default: never. */
  readonly closing?: AbortSignal;
}

/** The same executor, for which attempts that ask for it run in a worktree of their own. */
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
  { folder, settings, now, closing = NEVER }: IsolationOptions,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult> {
  if (attempt.dir === null) return withoutCommand('failed', 'a worktree needs a folder in a git repository');
  let worktree: Worktree;
  try {
    const { dir } = attempt;
    const stopped = AbortSignal.any([context.signal, closing]);
    worktree = await endingWith(stopped, () => makeWorktree(folder, dir, attempt, settings, now()));
  } catch (error) {
    const verdict = context.signal.aborted ? 'cancelled' : 'failed';
    return withoutCommand(verdict, context.signal.aborted ? String(context.signal.reason) : faultText(error));
  }
  const ports = await takePorts(startOf(attempt));
  const inside = {
    ...attempt,
    dir: worktree.cwd,
    env: { ...attempt.env, ...environmentOf(worktree, ports) },
  };
  try {
    const { top } = worktree.checkout;
    const before = await endingWith(closing, () => stateOf(top));
    const unready = settings.setup === null ? null : await setUp(commands, settings.setup, inside, context);
    const begunAt = now();
    const result = unready ?? (await executor.start(inside, context));
    return await endingWith(closing, async () => {
      const escaped = differences(before, await stateOf(top));
      const closed = await withWork(result, folder, worktree, begunAt);
      return afterEscape(closed, escaped, worktree, settings);
    });
  } catch (error) {
    return withoutCommand('failed', faultText(error));
  } finally {
    ports?.release();
  }
}

const NEVER = new AbortController().signal;

/** Makes a worktree ready. @returns null when it is; else what the attempt comes to. */
async function setUp(
  commands: CommandRunner,
  script: string,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult | null> {
  const made = await commands.run({ script, errexit: hasSeveralLines(script) }, attempt, context);
  if (made.verdict === 'accept') return null;
  return { ...made, costUsd: 0, reason: `the set-up of its worktree: ${made.reason ?? made.verdict}` };
}

async function withWork(
  result: AttemptResult,
  folder: string,
  worktree: Worktree,
  begunAt: number,
): Promise<AttemptResult> {
  try {
    const { work, gone } = await closeWorktree(folder, worktree.name, begunAt);
    if (work !== null) return { ...result, work };
    return gone === null ? result : { ...result, reason: withWords(result.reason, goneText(gone)) };
  } catch (error) {
    const { branch, base, dir } = worktree;
    return {
      ...result,
      verdict: result.verdict === 'accept' ? 'failed' : result.verdict,
      reason: `what it left in '${dir}' could not be put on its branch: ${faultText(error)}`,
      work: { branch, base, dir },
    };
  }
}

/** Describes the ignored files that went with a worktree in which nothing else was changed. */
function goneText({ count, bytes, paths }: IgnoredFiles): string {
  const more = count > paths.length ? ', …' : '';
  const size = bytes < 10_000 ? `${bytes} B` : `${(bytes / 1e6).toFixed(2)} MB`;
  return `${plural(count, 'ignored file')} (${size}) went with its worktree: ${paths.join(', ')}${more}`;
}

const withWords = (reason: string | null, words: string): string =>
  reason === null ? words : `${reason}; ${words}`;

const MAX_NAMED = 5;

/** An attempt whose time saw the checkout itself change has left its worktree, or somebody else worked there. */
function afterEscape(
  result: AttemptResult,
  escaped: readonly string[],
  { checkout }: Worktree,
  { escape }: WorktreeSettings,
): AttemptResult {
  if (escaped.length === 0) return result;
  const names = escaped.slice(0, MAX_NAMED).join(', ') + (escaped.length > MAX_NAMED ? ', …' : '');
  const words = `while it ran in its worktree, '${checkout.top}' was changed: ${names}`;
  const reason = withWords(result.reason, words);
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

/** Attempts of one fan-out begin to look for ports at different places. */
function startOf({ thread, attempt }: AttemptSpec): number {
  return parseInt(thread.slice(3, 11), 16) + attempt || 0;
}

function faultText(error: unknown): string {
  const hint = error instanceof FleetError ? error.hint : undefined;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}. ${hint}`;
}
