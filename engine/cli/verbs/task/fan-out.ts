import { LOSERS } from '../../../contract/commands.ts';
import { planRunName } from '../../../contract/run-name.ts';
import { isWithin } from '../../../contract/namespaces.ts';
import { FleetError } from '../../../errors.ts';
import type { Context } from '../../verb.ts';
import { EXIT } from '../../exit-codes.ts';
import { fannedOutLines } from '../../render/task.ts';
import { DESCRIPTOR_KEYS } from '../../../plan/descriptor.ts';
import type { PlanRequest } from '../../../plan/plan.ts';
import { FORCE_OPTION, PRIORITY_OPTION } from '../../fan-out-options.ts';
import { PARAM_OPTION, paramsOf, paramsWithoutPlan } from '../../params.ts';
import { NO_FLEET, readPlanFile, requestOf } from '../../plans.ts';
import { readSubtasks } from '../../subtasks.ts';
import { inNamespace, usedNamespace } from '../../used-namespace.ts';
import { choice, defineVerb, number, text, texts, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';
import { pathOf } from '../../settings.ts';

const NOTES: Readonly<Record<string, string>> = {
  goal: ' (required)',
  depends: ' (indices or names joined by +)',
  env: ' (in JSON only)',
  inputs: ' (globs joined by +)',
  outputs: ' (globs joined by +)',
};
const KEYS = DESCRIPTOR_KEYS.map(key => `${key}${NOTES[key] ?? ''}`).join(', ');

const AMOUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };

export const taskFanOut = defineVerb({
  path: 'task fan-out',
  summary: 'Split a task into subtasks and run them in parallel',
  description: [
    `A subtask is a list key=value,… with the keys ${KEYS}. Put a value with a comma, an`,
    'equals sign or a quote in double quotes, and escape with \\" and \\\\. A JSON object with the same keys works too.',
    '',
    'With --budget, --budget-tokens or --budget-secs, each subtask names its share. The share is reserved before an',
    'attempt starts. A subtask that does not fit waits, or ends if it can never fit. An attempt that exceeds its share',
    'is ended.',
    '',
    'A plan file is YAML with a goal, subtasks and the options below. spl plan init writes a first one.',
    '',
    'Targets: worker-a, specific:DID, least-loaded-worker (default), round-robin.',
    '',
    'Joins: all, any, k_of_n:K, or a CEL expression over total, accepted, failed, children, …',
  ].join('\n'),
  examples: [
    [
      'spl task fan-out FIRST-001 --subtask "goal=Draft the notes" --subtask "goal=Check them,depends=0"',
      'run the second subtask after the first',
    ],
    [
      'spl task fan-out REL-7 --subtask \'goal=Lint,run="npm run lint",timeout=120\' --wait',
      'run a command line, and wait for the join',
    ],
    [
      'spl task fan-out REL-7 --subtasks pages.ndjson --join k_of_n:3 --losers cancel',
      'read the subtasks from a file, one per line',
    ],
    ['spl task fan-out REL-7 --plan release.fanout.yaml', 'run a plan file'],
    [
      'spl task fan-out REL-7 --plan deploy.fanout.yaml --param region=eu',
      'give a param of the plan its value',
    ],
  ],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: {
    subtask: texts('--subtask <descriptor>', 'One subtask; repeatable'),
    subtasks: text(
      '--subtasks <file>',
      'File of subtasks, one JSON object per line; - is standard input',
      'files',
    ),
    plan: text('--plan <file>', 'Plan file, instead of subtasks; command-line options override it', 'files'),
    param: PARAM_OPTION,
    join: text('--join <done-when>', 'What must pass: all (default), any, k_of_n:K, or a CEL expression'),
    losers: choice(
      '--losers <what>',
      'What happens to unfinished subtasks at the join: keep, drain, cancel',
      LOSERS,
    ),
    timeout: number('--timeout <secs>', 'Time limit of the join in seconds', { min: 0.001, max: 31_536_000 }),
    budget: number('--budget <usd>', 'Limit of the total cost', AMOUNT),
    budgetTokens: number('--budget-tokens <n>', 'Limit of all tokens', AMOUNT),
    budgetSecs: number('--budget-secs <n>', 'Limit of the seconds of all attempts', AMOUNT),
    namespace: text(
      '--namespace <id>',
      'Namespace (default: SPL_NAMESPACE or the one in use, if it is within the task’s, else the task’s)',
      'namespaces',
    ),
    dir: text('--dir <folder>', 'Folder of subtasks that name none (default: the task’s)', 'folders'),
    priority: PRIORITY_OPTION,
    noInput: toggle('--no-input', 'Reject a subtask that asks a person, instead of waiting for the answer'),
    force: FORCE_OPTION,
    wait: toggle('--wait', 'Wait for the join, and exit by its outcome'),
  },
  async run(context, given) {
    const asked =
      given.plan === null ? await ofOptions(context, given) : await ofPlan(context, given, given.plan);
    const priority = given.priority ?? asked.priority;
    if (asked.subtasks.length === 0) throw noSubtasks(given.task);
    const fanOut = await inNamespace(
      context,
      given.namespace ?? asked.namespace,
      namespace =>
        context.submit('task.fan-out', {
          task: given.task,
          subtasks: [...asked.subtasks],
          join: given.join ?? asked.join,
          losers: given.losers ?? asked.losers,
          ...(priority !== null && { priority }),
          timeout_secs: given.timeout ?? asked.timeout_secs,
          budget_usd: given.budget ?? asked.budget_usd,
          budget_tokens: given.budgetTokens ?? asked.budget_tokens,
          budget_secs: given.budgetSecs ?? asked.budget_secs,
          namespace,
          ...(asked.env !== null && { env: asked.env }),
          ...(given.noInput && { no_input: true }),
          ...(given.plan !== null && { run: planRunName(given.plan) }),
          ...(given.force && { force: true }),
          dir: given.dir === null ? asked.dir : pathOf(given.dir, context),
        }),
      () => withinTask(context, given.task),
    );
    if (!(given.wait && context.settings.json)) {
      context.print(fanOut, () => fannedOutLines(fanOut, context.out.colours));
    }
    return given.wait ? wait(context, fanOut) : EXIT.done;
  },
});

type Asked = Omit<PlanRequest, 'goal' | 'subtasks'> & { readonly subtasks: readonly object[] };

interface Sources {
  readonly param: readonly string[];
  readonly subtask: readonly string[];
  readonly subtasks: string | null;
}

async function ofOptions(
  { cwd, env, stdin }: Context,
  { subtask, subtasks, param }: Sources,
): Promise<Asked> {
  if (param.length > 0) throw paramsWithoutPlan();
  return {
    subtasks: await readSubtasks({ subtask, subtasks, cwd, env, stdin }),
    join: 'all',
    losers: 'drain',
    priority: null,
    timeout_secs: null,
    budget_usd: null,
    budget_tokens: null,
    budget_secs: null,
    namespace: null,
    dir: null,
    env: null,
  };
}

/** @throws USAGE if --plan is combined with subtasks; INVALID_RECORD with every fault of the plan */
async function ofPlan(context: Context, given: Sources, file: string): Promise<Asked> {
  if (given.subtask.length > 0 || given.subtasks !== null)
    throw new FleetError('USAGE', '--plan can’t be combined with --subtask or --subtasks', {
      hint: 'Write the subtasks into the plan.',
    });
  const { instances, executors, default_executor: defaultExecutor } = await context.report('fleet', {});
  const workers = instances.filter(({ role }) => role === 'worker');
  const known = { ...NO_FLEET, defaultExecutor, executors, workers, params: paramsOf(given.param) };
  return requestOf(await readPlanFile(context, file, known), context);
}

/**
 * Returns the namespace in use, if it is within that of the task; otherwise null, which means the namespace of the
 * task.
 */
async function withinTask(context: Context, task: string): Promise<string | null> {
  const used = await usedNamespace(context);
  if (used === null) return null;
  const { namespace } = await context.report('task', { task });
  return isWithin(used, namespace) ? used : null;
}

function wait(context: Context, fanOut: { readonly thread: string }): Promise<number> {
  return waitForJoin(context, fanOut.thread, { document: fanOut });
}

function noSubtasks(task: string): FleetError {
  return new FleetError('INVALID_RECORD', 'a fan-out needs at least one subtask', {
    hint: `spl task fan-out ${task} --subtask "goal=…" --subtask "goal=…"`,
  });
}
