import { stat } from 'node:fs/promises';
import type { Commands } from '../../operations/index.ts';
import type { FleetDocument } from '../../contract/documents.ts';
import { oneLine } from '../../contract/format.ts';
import { planRunName } from '../../contract/run-name.ts';
import { FleetError } from '../../errors.ts';
import { picked } from '../../plan/picked.ts';
import type { PlannedSubtask, PlanRequest } from '../../plan/plan.ts';
import type { Context } from '../verb.ts';
import { NO_FLEET, readPlanFile, requestOf } from '../plans.ts';
import { pathOf } from '../settings.ts';
import { readEach } from './each.ts';

/** The words and options of `spl run` that say what runs. */
export interface Asked {
  readonly words: readonly string[];
  readonly each: string | null;
  readonly agent: string | null;
}

/** A plan, or what stands for one. */
export type Requested = Pick<PlanRequest, 'goal' | 'namespace' | 'subtasks'> &
  Omit<Partial<Commands['fan-out.open']['input']['fan_out']>, 'subtasks' | 'namespace'>;

/** The longest goal that is made of commands. */
const MAX_GOAL = 200;
const PLAN_FILE = /\.fanout\.ya?ml$/;

/**
 * Reads what is to run: a plan, a command per line of a file, a goal per agent, or commands.
 * @param fleet null if none runs
 * @throws USAGE; INVALID_RECORD with every fault of a plan; NOT_FOUND for a missing file or subtask
 */
export async function readRequest(
  context: Context,
  { words, each, agent }: Asked,
  fleet: FleetDocument | null,
): Promise<Requested> {
  if (each !== null && agent !== null)
    throw new FleetError('USAGE', '--each and --agent can’t be combined', { hint: 'Use only one of them.' });
  const [first, ...rest] = words;
  if (first === undefined) throw nothingToRun(each, agent);
  if (each !== null) {
    if (rest.length > 0)
      throw new FleetError('USAGE', `--each takes one command, and ${words.length} were given`, {
        hint: `Put the command in quotes: spl run --each ${each} '${words.join(' ')}'`,
      });
    return { goal: first, namespace: null, subtasks: await readEach(context, each, first) };
  }
  if (agent !== null) return { ...ofWords(words), subtasks: words.map(goal => ofAgent(goal, agent)) };
  if (await isPlan(context, first)) return readPlan(context, first, rest, fleet);
  return { ...ofWords(words), subtasks: words.map(ofCommand) };
}

const ofWords = (words: readonly string[]): Pick<Requested, 'goal' | 'namespace'> => ({
  goal: oneLine(words.map(word => oneLine(word, MAX_GOAL)).join(' · '), MAX_GOAL),
  namespace: null,
});

const ofCommand = (run: string): PlannedSubtask => ({ goal: run, run });

const ofAgent = (goal: string, agent: string): PlannedSubtask => ({
  goal,
  executor: agent.includes(':') ? agent : `agent:${agent}`,
});

/** A word that ends like a plan is one, so that a missing file is not run as a command. */
async function isPlan(context: Context, word: string): Promise<boolean> {
  if (PLAN_FILE.test(word)) return true;
  if (!/\.ya?ml$/.test(word)) return false;
  return stat(pathOf(word, context)).then(
    stats => stats.isFile(),
    () => false,
  );
}

async function readPlan(
  context: Context,
  file: string,
  names: readonly string[],
  fleet: FleetDocument | null,
): Promise<Requested> {
  const known =
    fleet === null
      ? NO_FLEET
      : {
          ...NO_FLEET,
          executors: fleet.executors,
          workers: fleet.instances.filter(({ role }) => role === 'worker'),
        };
  const { env, ...plan } = requestOf(await readPlanFile(context, file, known), context);
  const whole = { ...plan, run: planRunName(file), ...(env !== null && { env }) };
  requireWork(whole.subtasks, fleet?.default_executor ?? NO_FLEET.defaultExecutor);
  return names.length === 0 ? whole : { ...whole, join: 'all', subtasks: picked(file, plan.subtasks, names) };
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

function nothingToRun(each: string | null, agent: string | null): FleetError {
  const [what, hint] =
    each !== null
      ? ['--each needs a command', `spl run --each ${each} 'npx eslint {}'`]
      : agent !== null
        ? ['--agent needs a goal', `spl run --agent ${agent} 'Write tests for src/parser.js'`]
        : ['nothing to run was given', "spl run 'npm test' 'npm run lint'\nspl run release.fanout.yaml"];
  return new FleetError('USAGE', what, { hint });
}
