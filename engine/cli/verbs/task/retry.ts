import { FleetError } from '../../../errors.ts';
import { labelOf, SUBTASK } from '../../subtask-option.ts';
import { defineVerb, text, texts, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';

export const taskRetry = defineVerb({
  path: 'task retry',
  summary: 'run subtasks that did not accept again',
  description:
    'After the join it opens the next round: these subtasks, and those that were cancelled because of them, run ' +
    'again; the others keep their results. The round is not lost before they have ended.',
  examples: [
    ['spl task retry FIRST-001 --failed', 'all that did not accept'],
    ['spl task retry FIRST-001 --subtask lint --subtask "test-*"', 'some of them, by their names'],
    ['spl task retry FIRST-001 --subtask 1 --hint "use the other port" --wait', 'with a hint, to the join'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {
    subtask: texts('--subtask <subtask>', `${SUBTASK}; may be given many times`),
    failed: toggle('--failed', 'all subtasks that did not accept'),
    hint: text('--hint <text>', 'what to do otherwise this time'),
    wait: toggle('--wait', 'stay until the join, and end by its outcome'),
  },
  async run(context, { task, subtask: subtasks, failed, hint, wait }) {
    if (failed === subtasks.length > 0) {
      throw new FleetError('USAGE', 'retry needs either --subtask or --failed', {
        hint: `spl task retry ${task} --failed`,
      });
    }
    const join = await context.submit('task.retry', {
      task,
      ...(failed ? { failed } : { subtasks: [...subtasks] }),
      hint,
    });
    if (wait && context.settings.json) return waitForJoin(context, join.thread, {});
    context.print(join, () => [
      `${context.out.colours.cyan('◇')} Retry of ${failed ? 'all that did not accept' : subtasks.map(each => labelOf(each, join.children)).join(', ')} recorded`,
      `  thread: ${join.thread}`,
      `  round:  ${join.round}`,
    ]);
    return wait ? waitForJoin(context, join.thread, {}) : 0;
  },
});
