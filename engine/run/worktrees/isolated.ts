import { messageOf, FleetError } from '../../errors.ts';
import { hasSeveralLines } from '../../fleet/subtasks.ts';
import { commandRunner, type CommandRunner } from '../executors/command.ts';
import { withoutCommand } from '../executors/ending.ts';
import type { AttemptResult, AttemptSpec, Executor, ExecutorContext } from '../executors/executor.ts';
import { differences, stateOf } from './checkout.ts';
import { PORTS, takePorts, type PortBlock } from './ports.ts';
import { closeWorktree, makeWorktree, type Worktree, type WorktreeSettings } from './worktree.ts';

export interface IsolationOptions {
  /** Where this worker's worktrees lie. */
  readonly folder: string;
  readonly settings: WorktreeSettings;
  /** What the set-up command inherits. */
  readonly env: NodeJS.ProcessEnv;
  /** In ms since 1970. */
  readonly now: () => number;
}

/** The same executor, for which attempts that ask for it run in a worktree of their own. */
export function withIsolation(executor: Executor, options: IsolationOptions): Executor {
  const commands = commandRunner({ env: options.env });
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
  { folder, settings, now }: IsolationOptions,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult> {
  if (attempt.dir === null) return withoutCommand('failed', 'a worktree needs a folder in a git repository');
  let worktree: Worktree;
  try {
    worktree = await makeWorktree(folder, attempt.dir, attempt, settings, now());
  } catch (error) {
    return withoutCommand('failed', faultText(error));
  }
  const ports = await takePorts(startOf(attempt));
  const inside = {
    ...attempt,
    dir: worktree.cwd,
    env: { ...attempt.env, ...environmentOf(worktree, ports) },
  };
  try {
    const before = await stateOf(worktree.checkout.top);
    const result = await runInside(executor, commands, settings, inside, context);
    const escaped = differences(before, await stateOf(worktree.checkout.top));
    return afterEscape(await withWork(result, folder, worktree), escaped, worktree, settings);
  } catch (error) {
    return withoutCommand('failed', faultText(error));
  } finally {
    ports?.release();
  }
}

async function runInside(
  executor: Executor,
  commands: CommandRunner,
  { setup }: WorktreeSettings,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult> {
  if (setup !== null) {
    const made = await commands.run({ script: setup, errexit: hasSeveralLines(setup) }, attempt, context);
    if (made.verdict !== 'accept')
      return { ...made, costUsd: 0, reason: `the set-up of its worktree: ${made.reason ?? made.verdict}` };
  }
  return executor.start(attempt, context);
}

async function withWork(result: AttemptResult, folder: string, worktree: Worktree): Promise<AttemptResult> {
  try {
    const work = await closeWorktree(folder, worktree.name);
    return work === null ? result : { ...result, work };
  } catch (error) {
    const { branch, base, dir } = worktree;
    return {
      ...result,
      verdict: result.verdict === 'accept' ? 'failed' : result.verdict,
      reason: `what it left in '${dir}' could not be put on its branch: ${messageOf(error)}`,
      work: { branch, base, dir },
    };
  }
}

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
  const reason = result.reason === null ? words : `${result.reason}; ${words}`;
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
