import { stat } from 'node:fs/promises';
import type { Commands } from '../../operations/index.ts';
import type { FleetDocument } from '../../contract/documents.ts';
import { oneLine, printable } from '../../contract/format.ts';
import { planRunName, runNameFrom } from '../../contract/run-name.ts';
import { FleetError } from '../../errors.ts';
import { indicesNamed, picked } from '../../plan/picked.ts';
import type { PlanKnown, PlannedSubtask, PlanRequest } from '../../plan/plan.ts';
import type { Host } from '../host.ts';
import type { Context } from '../verb.ts';
import { printLines } from '../context.ts';
import { paramsOf, paramsWithoutPlan } from '../params.ts';
import { NO_FLEET, readPlanFile, requestOf, type PlanFile } from '../plans.ts';
import { pathOf } from '../settings.ts';
import { readEach } from './each.ts';
import { requireCommands, subtasksIn } from './folder-names.ts';
import { planFilesIn, scriptsNamed } from './folder-work.ts';

/** The words and options of `spl run` that say what runs. */
export interface Asked {
  readonly words: readonly string[];
  readonly each: string | null;
  readonly agent: string | null;
  readonly param: readonly string[];
}

/** A plan, or what stands for one. */
export type Requested = Pick<PlanRequest, 'goal' | 'namespace' | 'subtasks'> &
  Omit<Partial<Commands['fan-out.open']['input']['fan_out']>, 'subtasks' | 'namespace'>;

/** The longest goal that is made of commands. */
const MAX_GOAL = 200;
const PLAN_FILE = /\.fanout\.ya?ml$/;

/**
 * Reads what is to run: a plan, a command per line of a file, a goal per agent, a part of the folder's only plan, scripts
 * of its `package.json`, or commands.
 * @param fleet null if none runs
 * @throws USAGE; INVALID_RECORD with every fault of a plan; NOT_FOUND for a missing file or subtask
 */
export async function readRequest(
  context: Context,
  { words, each, agent, param }: Asked,
  fleet: FleetDocument | null,
): Promise<Requested> {
  if (each !== null && agent !== null)
    throw new FleetError('USAGE', '--each and --agent can’t be combined', { hint: 'Use only one of them.' });
  if (words.some(word => word.trim() === ''))
    throw new FleetError('USAGE', 'a command is empty', { hint: "spl run 'npm test' 'npm run lint'" });
  const [first, ...rest] = words;
  const params = paramsOf(param);
  if (param.length > 0 && (each ?? agent) !== null) throw paramsWithoutPlan();
  if (each !== null) {
    if (first === undefined)
      throw new FleetError('USAGE', '--each needs a command', {
        hint: `spl run -e ${each} 'npx eslint'`,
      });
    if (rest.length > 0)
      throw new FleetError('USAGE', `--each takes one command, and ${words.length} were given`, {
        hint: `Put the command in quotes: spl -e ${each} '${words.join(' ')}'`,
      });
    return { ...ofWords([first]), goal: first, subtasks: await readEach(context, each, first) };
  }
  if (agent !== null) {
    if (first === undefined)
      throw new FleetError('USAGE', '--agent needs a goal', {
        hint: `spl run --agent ${agent} 'Write tests for src/parser.js'`,
      });
    return { ...ofWords(words, [agent]), subtasks: words.map(goal => ofAgent(goal, agent)) };
  }
  if (first !== undefined && (await isPlan(context, first)))
    return ofPlan(context, await readPlan(context, first, fleet, params), rest, fleet);
  const ofPart = await ofFolderPlan(context, words, fleet, params);
  if (ofPart !== null) return ofPart;
  if (param.length > 0) throw paramsWithoutPlan();
  const scripts = await ofScripts(context, words);
  if (scripts !== null) return scripts;
  await requireCommands(context, words);
  return { ...ofWords(words), subtasks: words.map(ofCommand) };
}

const hasSpace = (words: readonly string[]): boolean => words.some(word => /\s/.test(word));

/** Reads words that name parts of the folder's only plan; null if they do not. */
async function ofFolderPlan(
  context: Context,
  words: readonly string[],
  fleet: FleetDocument | null,
  params: PlanKnown['params'],
): Promise<Requested | null> {
  if (hasSpace(words)) return null;
  const files = await planFilesIn(context.cwd);
  const [file] = files;
  if (file === undefined || files.length > 1) {
    if (words.length === 0) throw nothingToRun(files);
  } else {
    const plan = await readPlan(context, file, fleet, params);
    const subtasks = subtasksIn(plan);
    if (words.every(word => indicesNamed(subtasks, word).length > 0)) {
      say(context, `${file}${words.length === 0 ? '' : `: ${words.join(', ')}`}`);
      return ofPlan(context, plan, words, fleet);
    }
  }
  return null;
}

/** Reads words that name scripts of the folder's `package.json`; null if they are commands. */
async function ofScripts(context: Context, words: readonly string[]): Promise<Requested | null> {
  if (hasSpace(words)) return null;
  const scripts = await scriptsNamed(context.cwd, words);
  if (scripts === null) return null;
  const goals = scripts.map(({ goal }) => goal);
  say(context, `package.json: ${goals.join(', ')}`);
  return { ...ofWords(goals, words), subtasks: scripts };
}

/** Says what was chosen, which nobody typed. */
function say({ err, settings }: Context, text: string): void {
  if (!settings.json) printLines(err, [`· from ${oneLine(printable(text), MAX_GOAL)}`]);
}

/** The most characters of a command in the name of its runs. */
const MAX_RUN_NAME = 40;

/** @param [name] what its runs are named by; default: the first word */
const ofWords = (
  words: readonly string[],
  [name = '']: readonly string[] = words,
): Pick<Requested, 'goal' | 'namespace' | 'run'> => ({
  goal: oneLine(words.map(word => oneLine(word, MAX_GOAL)).join(' · '), MAX_GOAL),
  namespace: null,
  run: runNameFrom(oneLine(name, MAX_RUN_NAME)),
});

const ofCommand = (run: string): PlannedSubtask => ({ goal: run, run });

const ofAgent = (goal: string, agent: string): PlannedSubtask => ({
  goal,
  executor: agent.includes(':') ? agent : `agent:${agent}`,
});

/** Returns true for a plan file. A word that ends like a plan is one, so that a missing file is not run as a command. */
export async function isPlan(host: Pick<Host, 'cwd' | 'env'>, word: string): Promise<boolean> {
  if (PLAN_FILE.test(word)) return true;
  if (!/\.ya?ml$/.test(word)) return false;
  return stat(pathOf(word, host)).then(
    stats => stats.isFile(),
    () => false,
  );
}

function readPlan(
  context: Context,
  file: string,
  fleet: FleetDocument | null,
  params: PlanKnown['params'],
): Promise<PlanFile> {
  if (fleet === null) return readPlanFile(context, file, { ...NO_FLEET, params });
  const workers = fleet.instances.filter(({ role }) => role === 'worker');
  return readPlanFile(context, file, { ...NO_FLEET, executors: fleet.executors, workers, params });
}

/** @throws INVALID_RECORD with every fault of the plan; NOT_FOUND for a name that none of its subtasks has */
function ofPlan(
  context: Context,
  file: PlanFile,
  names: readonly string[],
  fleet: FleetDocument | null,
): Requested {
  const { env, ...plan } = requestOf(file, context);
  const whole = { ...plan, run: planRunName(file.file), ...(env !== null && { env }) };
  requireWork(whole.subtasks, fleet?.default_executor ?? NO_FLEET.defaultExecutor);
  if (names.length === 0) return whole;
  return { ...whole, join: 'all', subtasks: picked(file.file, plan.subtasks, names) };
}

/** @throws INVALID_RECORD for a subtask that would only be echoed */
function requireWork(subtasks: readonly PlannedSubtask[], defaultExecutor: string): void {
  if (defaultExecutor !== 'echo') return;
  const index = subtasks.findIndex(({ run, executor }) => run == null && executor == null);
  if (index === -1) return;
  const { name, goal } = subtasks[index]!;
  throw new FleetError('INVALID_RECORD', `subtask '${oneLine(name ?? goal, 60)}' has nothing to run`, {
    details: { subtask: index },
    hint: 'Give it a command with run, or an agent with executor. executor: echo only prints its goal.',
  });
}

/** @param files the plans of the folder, of which none was chosen */
function nothingToRun(files: readonly string[]): FleetError {
  if (files.length === 0)
    return new FleetError('USAGE', 'nothing to run was given, and this folder has no plan', {
      hint: "spl run 'npm test' 'npm run lint'\nspl plan init",
    });
  return new FleetError('USAGE', `nothing to run was given, and this folder has ${files.length} plans`, {
    details: { files },
    hint: files
      .slice(0, 10)
      .map(file => `spl run ${file}`)
      .join('\n'),
  });
}
