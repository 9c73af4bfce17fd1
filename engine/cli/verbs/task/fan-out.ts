import { resolve } from 'node:path';
import { LOSERS } from '../../../contract/commands.ts';
import { isWithin } from '../../../contract/namespaces.ts';
import { FleetError } from '../../../errors.ts';
import type { Context } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { fannedOutLines } from '../../render/task.ts';
import { readSubtasks } from '../../subtasks.ts';
import { inNamespace, usedNamespace } from '../../used-namespace.ts';
import { choice, defineVerb, later, number, text, texts, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';

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
    'Targets: worker-a, specific:DID, least-loaded-worker (default), round-robin.',
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
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {
    subtask: texts('--subtask <descriptor>', 'one subtask; may be repeated'),
    subtasks: text('--subtasks <file>', 'subtasks as NDJSON, a line each; - reads standard input', 'files'),
    plan: later('--plan <file>'),
    join: text('--join <predicate>', 'when the fan-out is satisfied (default: all)'),
    losers: choice('--losers <what>', 'what becomes of the rest at the join: keep, drain, cancel', LOSERS),
    timeout: number('--timeout <secs>', 'how long the join may take', { min: 0.001, max: 31_536_000 }),
    budget: number('--budget <usd>', 'what it may cost in all', AMOUNT),
    budgetTokens: number('--budget-tokens <n>', 'how many tokens it may take in all', AMOUNT),
    budgetSecs: number('--budget-secs <n>', 'how many seconds its attempts may take together', AMOUNT),
    namespace: text(
      '--namespace <id>',
      'the namespace (default: the one in use if it lies within the task’s, else that)',
      'namespaces',
    ),
    dir: text('--dir <folder>', 'where subtasks run that name no folder (default: the task’s)', 'folders'),
    wait: toggle('--wait', 'stay until the join, and end by its outcome'),
  },
  async run(context, given) {
    const subtasks = await readSubtasks({ ...given, cwd: context.cwd, stdin: context.stdin });
    if (subtasks.length === 0) throw noSubtasks(given.task);
    const fanOut = await inNamespace(
      context,
      given.namespace,
      namespace =>
        context.submit('task.fan-out', {
          task: given.task,
          subtasks,
          join: given.join ?? 'all',
          losers: given.losers ?? 'keep',
          timeout_secs: given.timeout,
          budget_usd: given.budget,
          budget_tokens: given.budgetTokens,
          budget_secs: given.budgetSecs,
          namespace,
          dir: given.dir === null ? null : resolve(context.cwd, given.dir),
        }),
      () => withinTask(context, given.task),
    );
    if (!(given.wait && context.settings.json)) {
      context.print(fanOut, () => fannedOutLines(fanOut, context.out.colours));
    }
    return given.wait ? wait(context, fanOut) : EXIT.done;
  },
});

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
