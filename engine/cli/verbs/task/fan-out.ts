import { LOSERS } from '../../../contract/commands.ts';
import { isWithin } from '../../../contract/namespaces.ts';
import { FleetError } from '../../../errors.ts';
import type { Context } from '../../verb.ts';
import { EXIT } from '../../exit-codes.ts';
import { fannedOutLines } from '../../render/task.ts';
import type { PlanRequest } from '../../../plan/plan.ts';
import { NO_FLEET, readPlanFile, requestOf } from '../../plans.ts';
import { readSubtasks } from '../../subtasks.ts';
import { inNamespace, usedNamespace } from '../../used-namespace.ts';
import { choice, defineVerb, number, text, texts, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';
import { pathOf } from '../../settings.ts';

const AMOUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };

export const taskFanOut = defineVerb({
  path: 'task fan-out',
  summary: 'split a task into subtasks and run them in parallel',
  description: [
    'A subtask is written key=value,… with the keys goal (required), name, target, run, executor, dir, budget,',
    'budget-tokens, budget-secs, timeout, depends (indices joined by +) and attempts; a value with a comma, an equals',
    'sign or a quote stands in double quotes, with \\" and \\\\ inside. Or it is a JSON object with the same keys.',
    '',
    'Under a --budget… each subtask names its share in that currency. It is reserved before an attempt starts; what',
    'does not fit waits, or ends when it never can. An attempt that passes its own share is ended.',
    '',
    'A plan file is YAML with a goal, subtasks and what the options here say; spl plan init writes one to begin with.',
    '',
    'Targets: worker-a, specific:DID, least-loaded-worker (default), round-robin.',
    '',
    'Joins: all, any, k_of_n:K, or a CEL expression over total, accepted, failed, children, …',
  ].join('\n'),
  examples: [
    [
      'spl task fan-out FIRST-001 --subtask "goal=Draft the notes" --subtask "goal=Check them,depends=0"',
      'two subtasks, the second after the first',
    ],
    [
      'spl task fan-out REL-7 --subtask \'goal=Lint,run="npm run lint",timeout=120\' --wait',
      'a command line, and stay until the join',
    ],
    [
      'spl task fan-out REL-7 --subtasks pages.ndjson --join k_of_n:3 --losers cancel',
      'from a file, a line each',
    ],
    ['spl task fan-out REL-7 --plan release.fanout.yaml', 'as a plan says'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {
    subtask: texts('--subtask <descriptor>', 'one subtask; may be repeated'),
    subtasks: text('--subtasks <file>', 'subtasks as NDJSON, a line each; - reads standard input', 'files'),
    plan: text(
      '--plan <file>',
      'a plan file, in the place of subtasks; other options count more than it',
      'files',
    ),
    join: text('--join <predicate>', 'when the fan-out is satisfied (default: all)'),
    losers: choice('--losers <what>', 'what becomes of the rest at the join: keep, drain, cancel', LOSERS),
    timeout: number('--timeout <secs>', 'how long the join may take', { min: 0.001, max: 31_536_000 }),
    budget: number('--budget <usd>', 'what it may cost in all', AMOUNT),
    budgetTokens: number('--budget-tokens <n>', 'how many tokens it may take in all', AMOUNT),
    budgetSecs: number('--budget-secs <n>', 'how many seconds its attempts may take together', AMOUNT),
    namespace: text(
      '--namespace <id>',
      'the namespace (default: SPL_NAMESPACE, else the one in use, where it lies within the task’s, else that)',
      'namespaces',
    ),
    dir: text('--dir <folder>', 'where subtasks run that name no folder (default: the task’s)', 'folders'),
    noInput: toggle('--no-input', 'have a subtask that asks a person end as rejected, and not wait for one'),
    wait: toggle('--wait', 'stay until the join, and end by its outcome'),
  },
  async run(context, given) {
    const asked =
      given.plan === null ? await ofOptions(context, given) : await ofPlan(context, given, given.plan);
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
          timeout_secs: given.timeout ?? asked.timeout_secs,
          budget_usd: given.budget ?? asked.budget_usd,
          budget_tokens: given.budgetTokens ?? asked.budget_tokens,
          budget_secs: given.budgetSecs ?? asked.budget_secs,
          namespace,
          ...(asked.env !== null && { env: asked.env }),
          ...(given.noInput && { no_input: true }),
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
  readonly subtask: readonly string[];
  readonly subtasks: string | null;
}

async function ofOptions({ cwd, env, stdin }: Context, { subtask, subtasks }: Sources): Promise<Asked> {
  return {
    subtasks: await readSubtasks({ subtask, subtasks, cwd, env, stdin }),
    join: 'all',
    losers: 'drain',
    timeout_secs: null,
    budget_usd: null,
    budget_tokens: null,
    budget_secs: null,
    namespace: null,
    dir: null,
    env: null,
  };
}

/** @throws USAGE when subtasks are given beside the plan; INVALID_RECORD with every fault that the plan has. */
async function ofPlan(context: Context, given: Sources, file: string): Promise<Asked> {
  if (given.subtask.length > 0 || given.subtasks !== null)
    throw new FleetError('USAGE', 'subtasks are either those of a plan or those that are given beside it', {
      hint: 'Leave out --subtask and --subtasks, or write them into the plan.',
    });
  const { instances, executors, default_executor: defaultExecutor } = await context.report('fleet', {});
  const workers = instances.filter(({ role }) => role === 'worker');
  const known = { ...NO_FLEET, defaultExecutor, executors, workers };
  return requestOf(await readPlanFile(context, file, known), context);
}

/** The namespace in use, where a fan-out of this task may lie in it; else null, for the task's own. */
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
  return new FleetError('INVALID_RECORD', 'a fan-out has at least one subtask, and none is given', {
    hint: `spl task fan-out ${task} --subtask "goal=…" --subtask "goal=…"`,
  });
}
