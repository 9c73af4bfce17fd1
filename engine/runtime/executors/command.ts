import { access, constants, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { messageOf, systemCodeOf } from '../../errors.ts';
import { ownControlGroup, removeLeftControlGroups } from '../processes/control-group.ts';
import { watchForEnding, withoutCommand, type Ending, type EndingWatch } from './ending.ts';
import { attemptEnvironment, inheritedEnvironment, markOf } from './environment.ts';
import type { AttemptResult, AttemptSpec, ExecutorContext } from './executor.ts';
import { prepareGroup, removeFiles, type Exit, type GuardedGroup } from '../processes/guarded-group.ts';
import { pumpOutput } from './output-pump.ts';
import { processTable, type Birth, type ProcessTable } from '../../system/process-table.ts';
import { KILL_MS, MAX_NAMED, sweep, TABLE_MS, textOf, type Traces } from '../processes/sweep.ts';
import { inTime } from '../processes/timer.ts';
import { waitUntil } from '../../system/wait.ts';

export interface CommandOptions {
  /** The environment that commands inherit, less the fleet's secrets. Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** The time between SIGTERM and SIGKILL for a command that is to end, in milliseconds. Default: 2000. */
  readonly graceMs?: number;
  /** The folder in which each command is noted as long as it runs. Default: none is. */
  readonly commandsDir?: string;
}

/** The command that an executor runs for an attempt. */
export interface CommandSpec {
  /** A command line for `/bin/sh -c`, never made of data: that goes into `args`. */
  readonly script: string;
  /** True when it ends at the first of its commands that fails. Default: it goes on. */
  readonly errexit?: boolean;
  /** The script's arguments `$1`, `$2`, … */
  readonly args?: readonly string[];
  /** The file that it reads as its input. Default: an empty input. */
  readonly input?: string;
  /** Removed when it has ended, however it ends. */
  readonly files?: readonly string[];
  /** Told everything that it prints, as it comes. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** The result of a command: that of its attempt, without what only its executor knows. */
export type CommandResult = Omit<AttemptResult, 'costUsd'>;

/** Runs the commands of attempts. */
export interface CommandRunner {
  /** Never rejects, and answers only when nothing of the attempt runs any more, as far as the system can tell. */
  run(spec: CommandSpec, attempt: AttemptSpec, context: ExecutorContext): Promise<CommandResult>;
}

const GRACE_MS = 2_000;

/**
 * Runs each command in a process group of its own and under guard (see GuardedGroup), its output streamed to the sink.
 * Time-out and cancel end the whole group: SIGTERM, then SIGKILL. What a command that exits has left running is ended
 * too, in its group and outside of it.
 */
export function commandRunner(options: CommandOptions = {}): CommandRunner {
  const settings: Settings = {
    env: inheritedEnvironment(options.env ?? process.env),
    graceMs: options.graceMs ?? GRACE_MS,
    processes: processTable(),
    controlParent: controlParentOnce(),
    commandsDir: options.commandsDir ?? null,
  };
  return { run: (spec, attempt, context) => start(settings, spec, attempt, context) };
}

interface Settings {
  readonly env: NodeJS.ProcessEnv;
  readonly graceMs: number;
  readonly processes: ProcessTable;
  /** Returns the folder in which control groups are made, or null. */
  readonly controlParent: () => Promise<string | null>;
  readonly commandsDir: string | null;
}

/** Looked for when the first command runs, and tidied up then. */
function controlParentOnce(): () => Promise<string | null> {
  let found: Promise<string | null> | undefined;
  const find = async (): Promise<string | null> => {
    const parent = await ownControlGroup();
    if (parent !== null) await removeLeftControlGroups(parent, Date.now()).catch(() => undefined);
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
    const group = await prepareGroup({
      script: spec.script,
      errexit: spec.errexit ?? false,
      args: spec.args ?? [],
      env: attemptEnvironment(settings.env, attempt),
      cwd: attempt.dir,
      input: spec.input ?? null,
      files: spec.files ?? [],
      asserted: attempt.isolation === 'worktree' ? attempt.dir : null,
      mark,
      controlParent: await settings.controlParent(),
      commandsDir: settings.commandsDir,
    });
    return await runGuarded(settings, { group, mark }, { spec, attempt, context });
  } catch (error) {
    return withoutCommand('failed', messageOf(error));
  }
}

interface Run {
  readonly spec: CommandSpec;
  readonly attempt: AttemptSpec;
  readonly context: ExecutorContext;
}

/** Lets the command begin, and sees it to its end. It has all of its time: what it took to prepare is not its fault. */
async function runGuarded(
  settings: Settings,
  { group, mark }: Pick<Command, 'group' | 'mark'>,
  { spec, attempt, context }: Run,
): Promise<CommandResult> {
  const watch = watchForEnding(attempt.timeoutMs, context.signal);
  try {
    if (watch.ended !== undefined) return await turnBack(group, watch.ended);
    const command = { group, mark, birth: settings.processes.birthOf(group.id), watch };
    return await runToEnd(settings, command, spec, context);
  } finally {
    watch.stop();
  }
}

/** Returns the reason for which the folder can't be used, or null. */
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
async function turnBack(group: GuardedGroup, ending: Ending): Promise<CommandResult> {
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
  /** The start time of its leader, where the table gives it. */
  readonly birth: Birth | undefined;
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
  group.go();
  const ending = await Promise.race([
    group.exited.then(() => null),
    watch.ending,
    group.guardLost.then((): Ending => ({ verdict: 'failed', reason: 'its guard process was ended' })),
  ]);
  const outlived = ending === null ? await stillIn(settings.processes, group) : [];
  const gone = await endGroup(settings, command, ending);
  // Without an ending from outside, it is the leader's end that brought us here.
  const exit = gone || ending === null ? await group.exited : { code: null, signal: null };
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
        : `${reason ?? verdict}; not to be ended: ${left.staying.join(', ')}`,
    exitCode: exit.code,
    signal: exit.signal,
    summary: pump.summary(),
    leftGroup: [...new Set([...outlived, ...left.named])].slice(0, MAX_NAMED),
  };
}

const tracesOf = ({ group, mark, birth }: Command): Traces => ({
  session: group.id,
  mark,
  since: birth,
  control: group.control,
});

/** The processes of the group that outlived its leader, as `pid command`: nobody but us will tell of their end. */
async function stillIn(processes: ProcessTable, group: GuardedGroup): Promise<readonly string[]> {
  if (!group.signal(0) || group.control?.isEmpty() === true) return [];
  const found = await inTime(processes.find({ group: group.id }), TABLE_MS).catch(() => []);
  return found.map(textOf);
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

/** The wait after which the group is checked for zombies, whose parent takes its time, as a container's init does. */
const ZOMBIES_MS = 7;

/** Waits until nothing of the group is left. There is no event for it: most of the group are not children of ours. */
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
  if (exit.code === 0) return { verdict: 'accept', reason: null };
  return {
    verdict: 'failed',
    reason: exit.signal === null ? `exit ${exit.code}` : `killed by ${exit.signal}`,
  };
}
