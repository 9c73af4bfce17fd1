import { randomUUID } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, systemCodeOf } from '../../errors.ts';
import { watchForEnding, withoutCommand, type Ending, type EndingWatch } from './ending.ts';
import { ATTEMPT_MARK, attemptEnvironment, inheritedEnvironment } from './environment.ts';
import type { AttemptResult, AttemptSpec, Executor, ExecutorContext } from './executor.ts';
import { prepareGroup, type Exit, type GuardedGroup } from './guarded-group.ts';
import { pumpOutput } from './output-pump.ts';
import { processTable, type Birth, type ProcessTable } from './processes.ts';
import { inTime } from './timer.ts';

export interface ShellOptions {
  /** What commands inherit, less the fleet's secrets. Default: the process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** How long a group that is to end has between SIGTERM and SIGKILL, in milliseconds. Default: 2000. */
  readonly graceMs?: number;
}

const GRACE_MS = 2_000;
/** How long the system may take to end a killed group: a process inside a system call can't be ended before it returns. */
const KILL_MS = 10_000;
const MAX_PAUSE_MS = 100;
const MAX_LEFT = 20;
/** How long the table of processes may take to say what has left the group. */
const TABLE_MS = 5_000;

/**
 * Runs each attempt's `run` with `/bin/sh -c`, in a process group of its own and under guard (see GuardedGroup), its
 * input empty, its output streamed to the sink. Time-out and cancel end the whole group: SIGTERM, then SIGKILL.
 * What a command that exits has left running in its group is killed.
 */
export function shellExecutor(options: ShellOptions = {}): Executor {
  const settings: Settings = {
    env: inheritedEnvironment(options.env ?? process.env),
    graceMs: options.graceMs ?? GRACE_MS,
    processes: processTable(),
  };
  return {
    name: 'shell',
    sideEffects: true,
    runsCommands: true,
    refusal: attempt => (attempt.run === null ? 'executor shell needs run' : null),
    start: (attempt, context) => startAttempt(settings, attempt, context),
  };
}

interface Settings {
  readonly env: NodeJS.ProcessEnv;
  readonly graceMs: number;
  readonly processes: ProcessTable;
}

async function startAttempt(
  settings: Settings,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult> {
  if (attempt.run === null) return withoutCommand('failed', 'executor shell needs run');
  try {
    const fault = await folderFault(attempt.dir);
    if (fault !== null) return withoutCommand('failed', fault);
    const mark = randomUUID();
    const env = attemptEnvironment(settings.env, attempt, mark);
    const group = await prepareGroup(attempt.run, { env, cwd: attempt.dir });
    return await runGuarded(settings, group, `${ATTEMPT_MARK}=${mark}`, attempt, context);
  } catch (error) {
    return withoutCommand('failed', messageOf(error));
  }
}

/** Lets the command begin, and sees it to its end. It has all of its time: what it took to prepare is not its fault. */
async function runGuarded(
  settings: Settings,
  group: GuardedGroup,
  mark: string,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<AttemptResult> {
  const watch = watchForEnding(attempt.timeoutMs, context.signal);
  try {
    if (watch.ended !== undefined) return await turnBack(group, watch.ended);
    const command = { group, mark, birth: settings.processes.birthOf(group.id), watch };
    return await runToEnd(settings, command, context);
  } finally {
    watch.stop();
  }
}

/** Why the folder can't be used, or null. */
async function folderFault(dir: string | null): Promise<string | null> {
  if (dir === null) return null;
  if (!isAbsolute(dir)) return `folder '${dir}' is not an absolute path`;
  try {
    if (!(await stat(dir)).isDirectory()) return `folder '${dir}' is not a folder`;
    await access(dir, constants.X_OK);
    return null;
  } catch (error) {
    const missing = systemCodeOf(error) === 'ENOENT';
    return missing ? `folder '${dir}' does not exist` : `folder '${dir}' can't be used: ${messageOf(error)}`;
  }
}

/** Ends a group whose command has not begun. */
async function turnBack(group: GuardedGroup, ending: Ending): Promise<AttemptResult> {
  group.output.destroy();
  group.signal('SIGKILL');
  await group.exited;
  await group.release();
  return withoutCommand(ending.verdict, ending.reason);
}

interface Command {
  readonly group: GuardedGroup;
  /** The `NAME=value` that its processes carry in their environment. */
  readonly mark: string;
  /** When its leader was started, where the table says so. */
  readonly birth: Birth | undefined;
  readonly watch: EndingWatch;
}

async function runToEnd(
  settings: Settings,
  command: Command,
  context: ExecutorContext,
): Promise<AttemptResult> {
  const { group, watch } = command;
  const pump = pumpOutput(group.output, context.output);
  group.go();
  const ending = await Promise.race([
    group.exited.then(() => null),
    watch.ending,
    group.guardLost.then((): Ending => ({ verdict: 'failed', reason: 'its guard process was ended' })),
  ]);
  const gone = await endGroup(settings, command, ending);
  // Without an ending from outside, it is the leader's end that brought us here.
  const exit = gone || ending === null ? await group.exited : { code: null, signal: null };
  const [leftGroup] = await Promise.all([
    remains(settings.processes, command, gone),
    pump.drain(),
    group.release(),
  ]);
  return {
    ...verdictOf(ending, exit),
    exitCode: exit.code,
    signal: exit.signal,
    summary: pump.summary(),
    costUsd: 0,
    leftGroup,
  };
}

/** @returns false when the system could not end all of it in time. */
async function endGroup(settings: Settings, command: Command, ending: Ending | null): Promise<boolean> {
  const { group } = command;
  const mayFinish = ending !== null && ending.verdict !== 'failed';
  if (mayFinish && group.signal('SIGTERM')) {
    // A stopped process takes the first signal only when it goes on.
    group.signal('SIGCONT');
    if (await isGone(settings.processes, command, settings.graceMs)) return true;
  }
  return !group.signal('SIGKILL') || (await isGone(settings.processes, command, KILL_MS));
}

/** Waits until nothing of the group is left. There is no event for it: most of the group are not children of ours. */
async function isGone(processes: ProcessTable, command: Command, withinMs: number): Promise<boolean> {
  const { group } = command;
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 1; group.signal(0); pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    // What is left may be zombies whose parent takes its time, as a container's init does.
    if (pauseMs >= 8 && (await isAllZombies(processes, command))) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(pauseMs, leftMs));
  }
  return true;
}

function isAllZombies(processes: ProcessTable, command: Command): Promise<boolean> {
  // A table that can't be read proves nothing.
  return processes.find({ group: command.group.id }).then(
    living => living.length === 0,
    () => false,
  );
}

/** The processes of the attempt that live on, for the record. */
async function remains(processes: ProcessTable, command: Command, gone: boolean): Promise<string[]> {
  const { group, mark, birth } = command;
  const query = { session: group.id, mark, ...(birth === undefined ? {} : { since: birth }) };
  try {
    const found = await inTime(processes.find(query), TABLE_MS);
    return found
      .filter(entry => !gone || entry.group !== group.id)
      .slice(0, MAX_LEFT)
      .map(entry => `${entry.pid} ${entry.command}`);
  } catch (error) {
    return [`? the table of processes could not be read: ${messageOf(error)}`];
  }
}

function verdictOf(ending: Ending | null, exit: Exit): Pick<AttemptResult, 'verdict' | 'reason'> {
  if (ending !== null) return ending;
  if (exit.code === 0) return { verdict: 'accept', reason: null };
  return {
    verdict: 'failed',
    reason: exit.signal === null ? `exit ${exit.code}` : `killed by ${exit.signal}`,
  };
}
