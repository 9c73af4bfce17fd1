import { access, constants, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../../errors.ts';
import { ownControlGroup, removeStaleControlGroups } from '../processes/control-group.ts';
import { cancelReason, watchForEnding, withoutCommand, type Ending, type EndingWatch } from './ending.ts';
import { attemptEnvironment, inheritedEnvironment, markOf } from './environment.ts';
import type { AttemptResult, AttemptSpec, ExecutorContext } from './executor.ts';
import {
  removeFiles,
  startGatedGroup,
  type Exit,
  type GroupOptions,
  type GuardedGroup,
} from '../processes/guarded-group.ts';
import { launchGroup } from '../processes/launched-group.ts';
import type { Launchers } from '../processes/launchers.ts';
import { pumpOutput, type OutputPump } from './output-pump.ts';
import { processTable, type ProcessTable } from '../../system/process-table.ts';
import { fileForCommand } from '../processes/command-notes.ts';
import { takeResults, type ReadResults } from './results-file.ts';
import { KILL_MS, MAX_NAMED, sweep, TABLE_MS, textOf, type Traces } from '../processes/sweep.ts';
import { withTimeLimit } from '../processes/timer.ts';
import { waitUntil } from '../../system/wait.ts';

export interface CommandOptions {
  /** The environment that commands inherit, without the fleet's secrets. Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** The time between SIGTERM and SIGKILL, in milliseconds. Default: 2000. */
  readonly graceMs?: number;
  /** The folder in which each command is noted while it runs. Default: none. */
  readonly commandsDir?: string;
  /** Starts the commands. Default: each is started behind a gate, by this process itself. */
  readonly launchers?: Launchers;
}

/** The command that an executor runs for an attempt. */
export interface CommandSpec {
  /** A command line for `/bin/sh -c`. It never contains data; data goes into `args`. */
  readonly script: string;
  /** True when it ends at its first failing command. Default: it goes on. */
  readonly errexit?: boolean;
  /** The script's arguments `$1`, `$2`, … */
  readonly args?: readonly string[];
  /** The file of its standard input. Default: an empty input. */
  readonly input?: string;
  /** Files that are removed after its end. */
  readonly files?: readonly string[];
  /** Receives its output as it arrives. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** The result of a command: that of its attempt without the members that only its executor knows. */
export type CommandResult = Omit<AttemptResult, 'costUsd'>;

/** Runs the commands of attempts. */
export interface CommandRunner {
  /** Never rejects. Resolves when no process of the attempt is running any more, as far as the system can tell. */
  run(spec: CommandSpec, attempt: AttemptSpec, context: ExecutorContext): Promise<CommandResult>;
}

const GRACE_MS = 2_000;

/**
 * Runs each command in a process group of its own and under guard (see GuardedGroup), and streams its output to the
 * sink. Time-out and cancel end the whole group: SIGTERM, then SIGKILL. Processes that outlive their command are ended
 * too, in its group and outside of it.
 */
export function commandRunner(options: CommandOptions = {}): CommandRunner {
  const settings: Settings = {
    env: inheritedEnvironment(options.env ?? process.env),
    graceMs: options.graceMs ?? GRACE_MS,
    processes: processTable(),
    controlParent: controlParentOnce(),
    commandsDir: options.commandsDir ?? null,
    launchers: options.launchers ?? null,
  };
  return { run: (spec, attempt, context) => start(settings, spec, attempt, context) };
}

interface Settings {
  readonly env: NodeJS.ProcessEnv;
  readonly graceMs: number;
  readonly processes: ProcessTable;
  /** Returns the parent folder of control groups, or null. */
  readonly controlParent: () => Promise<string | null>;
  readonly commandsDir: string | null;
  readonly launchers: Launchers | null;
}

/** Finds the parent folder at the first command, and removes old groups from it. */
function controlParentOnce(): () => Promise<string | null> {
  let found: Promise<string | null> | undefined;
  const find = async (): Promise<string | null> => {
    const parent = await ownControlGroup();
    if (parent !== null) await removeStaleControlGroups(parent, Date.now()).catch(() => undefined);
    return parent;
  };
  return () => (found ??= find());
}

async function start(
  settings: Settings,
  spec: CommandSpec,
  attempt: AttemptSpec,
  context: ExecutorContext,
): Promise<CommandResult> {
  try {
    const fault = await folderFault(attempt.dir);
    if (fault !== null) {
      await removeFiles(spec.files ?? []);
      return withoutCommand('failed', fault);
    }
    const mark = markOf(attempt.id);
    const results = await resultsFile(settings.commandsDir, attempt);
    const group = await startGroup(settings, context.signal, {
      script: spec.script,
      errexit: spec.errexit ?? false,
      args: spec.args ?? [],
      env: attemptEnvironment(settings.env, attempt, results),
      cwd: attempt.dir,
      input: spec.input ?? null,
      files: spec.files ?? [],
      asserted: attempt.isolation === 'worktree' ? attempt.dir : null,
      mark,
      controlParent: await settings.controlParent(),
      commandsDir: settings.commandsDir,
    });
    if (group === null) return withoutCommand('cancelled', cancelReason(context.signal));
    // The command has all of its time: preparing it does not count.
    const watch = watchForEnding(attempt.timeoutMs, context.signal);
    try {
      const ended = await runToEnd(settings, { group, mark, watch }, spec, context);
      return withResults(ended, await takeResults(results));
    } finally {
      watch.stop();
    }
  } catch (error) {
    return withoutCommand('failed', messageOf(error));
  }
}

/** Returns the path of an attempt's results. Its folder exists once the command is noted. */
function resultsFile(commandsDir: string | null, { id }: AttemptSpec): string | Promise<string> {
  return commandsDir === null ? fileForCommand(null, 'results') : join(commandsDir, `${id}.results`);
}

/** Adds the results of a command. A faulty file gives none, and the reason says so. */
function withResults(ended: CommandResult, read: ReadResults): CommandResult {
  if ('fault' in read)
    return { ...ended, reason: ended.reason === null ? read.fault : `${ended.reason}; ${read.fault}` };
  return read.results === undefined ? ended : { ...ended, results: read.results };
}

/** @returns null when the attempt was cancelled before its command began. */
async function startGroup(
  { launchers }: Settings,
  signal: AbortSignal,
  options: GroupOptions,
): Promise<GuardedGroup | null> {
  const launcher = await launchers?.current().catch(async (cause: unknown) => {
    await removeFiles(options.files);
    const message = `the command could not be started: ${messageOf(cause)}`;
    throw new FleetError('WORKER_FAILED', message, { cause });
  });
  if (launcher == null) return startGatedGroup(options, () => !signal.aborted);
  if (!signal.aborted) return launchGroup(options, launcher);
  await removeFiles(options.files);
  return null;
}

/** Returns the reason why the folder can't be used, or null. */
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

interface Command {
  readonly group: GuardedGroup;
  /** The `NAME=value` in the environment of its processes. */
  readonly mark: string;
  readonly watch: EndingWatch;
}

async function runToEnd(
  settings: Settings,
  command: Command,
  spec: CommandSpec,
  context: ExecutorContext,
): Promise<CommandResult> {
  const { group, watch } = command;
  const pump = pumpOutput(group.output, context.output, spec.onOutput);
  const ending = await Promise.race([
    group.exited.then(exit => (isSeen(exit) ? null : lost)),
    watch.ending,
    group.guardLost.then(() => lost),
  ]);
  if (ending === null) {
    const exit = await group.exited;
    if (exit.isClear) return await clearEnd(group, pump, exit);
  }
  const outlived = ending === null ? await stillIn(settings.processes, group) : [];
  const gone = await endGroup(settings, command, ending);
  // Without an ending from outside, the leader has ended.
  const exit = gone || ending === null ? await group.exited : unseen;
  const [left] = await Promise.all([
    sweep(settings.processes, tracesOf(command), settings.graceMs),
    pump.drain(),
  ]);
  await group.release();
  const { verdict, reason } = verdictOf(ending, exit);
  return {
    verdict,
    reason:
      left.staying.length === 0
        ? reason
        : `${reason ?? verdict}; processes that could not be ended: ${left.staying.join(', ')}`,
    exitCode: exit.code,
    signal: exit.signal,
    summary: pump.summary(),
    leftGroup: [...new Set([...outlived, ...left.named])].slice(0, MAX_NAMED),
  };
}

/** The end of a command of which nothing is left: there is nothing to look for. */
async function clearEnd(group: GuardedGroup, pump: OutputPump, exit: Exit): Promise<CommandResult> {
  await pump.drain();
  await group.release();
  return {
    ...verdictOf(null, exit),
    exitCode: exit.code,
    signal: exit.signal,
    summary: pump.summary(),
    leftGroup: [],
  };
}

/** False when the launcher ended before the command. */
const isSeen = ({ code, signal, fault }: Exit): boolean => code !== null || signal !== null || fault !== null;

/** An end that nobody saw. */
const unseen: Exit = { code: null, signal: null, isClear: false, fault: null };
const lost: Ending = { verdict: 'failed', reason: 'its guard process was ended' };

const tracesOf = ({ group, mark }: Command): Traces => ({
  session: group.id,
  mark,
  since: group.birth,
  control: group.control,
});

/** Returns the processes of the group that outlived its leader, as `pid command`, for the attempt's result. */
async function stillIn(processes: ProcessTable, group: GuardedGroup): Promise<readonly string[]> {
  if (!group.signal(0) || group.control?.isEmpty() === true) return [];
  const found = await withTimeLimit(processes.find({ group: group.id }), TABLE_MS).catch(() => []);
  return found.map(textOf);
}

/** @returns false when some of it is still running at the end of the time. */
async function endGroup(settings: Settings, command: Command, ending: Ending | null): Promise<boolean> {
  const { group } = command;
  const mayFinish = ending !== null && ending.verdict !== 'failed';
  if (mayFinish && group.signal('SIGTERM')) {
    // A stopped process takes the first signal only when it continues.
    group.signal('SIGCONT');
    if (await isGone(settings.processes, command, settings.graceMs)) return true;
  }
  return !group.signal('SIGKILL') || (await isGone(settings.processes, command, KILL_MS));
}

/** The wait after which the group may consist of zombies: their parent may be slow, as a container's init is. */
const ZOMBIES_MS = 7;

/** Waits until the group is gone. There is no event for it: most of its processes are not children of this one. */
function isGone(processes: ProcessTable, { group }: Command, withinMs: number): Promise<boolean> {
  const isMet = async (waitedMs: number): Promise<boolean> =>
    !group.signal(0) || (waitedMs >= ZOMBIES_MS && (await isAllZombies(processes, group)));
  return waitUntil(isMet, { withinMs, check: 'costly' });
}

async function isAllZombies(processes: ProcessTable, { id, control }: GuardedGroup): Promise<boolean> {
  if (control?.isEmpty() === true) return true;
  // A table that can't be read proves nothing.
  return processes.find({ group: id }).then(
    living => living.length === 0,
    () => false,
  );
}

function verdictOf(ending: Ending | null, exit: Exit): Pick<AttemptResult, 'verdict' | 'reason'> {
  if (ending !== null) return ending;
  if (exit.fault !== null)
    return { verdict: 'failed', reason: `the command could not be started: ${exit.fault}` };
  if (exit.code === 0) return { verdict: 'accept', reason: null };
  return {
    verdict: 'failed',
    reason: exit.signal === null ? `exit ${exit.code}` : `killed by ${exit.signal}`,
  };
}
