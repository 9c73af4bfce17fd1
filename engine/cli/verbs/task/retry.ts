import { FleetError } from '../../../errors.ts';
import { labelOf, SUBTASK } from '../../subtask-option.ts';
import { defineVerb, text, texts, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';

export const taskRetry = defineVerb({
  path: 'task retry',
  summary: 'Retry subtasks that did not accept',
  description:
    'The subtasks run again, after the join with those that were cancelled because of them. The others keep their results. The new join does not fail before the retried subtasks have ended.',
  examples: [
    ['spl task retry FIRST-001 --failed', 'retry all that did not accept'],
    ['spl task retry FIRST-001 --subtask lint --subtask "test-*"', 'retry some of them, by name'],
    [
      'spl task retry FIRST-001 --subtask 1 --hint "use the other port" --wait',
      'give a hint, and wait for the join',
    ],
  ],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: {
    subtask: texts('--subtask <subtask>', `${SUBTASK}; repeatable`),
    failed: toggle('--failed', 'Retry all subtasks that did not accept'),
    hint: text('--hint <text>', 'Hint for the next attempt'),
    wait: toggle('--wait', 'Wait for the join, and exit by its outcome'),
  },
  async run(context, { task, subtask: subtasks, failed, hint, wait }) {
    if (failed === subtasks.length > 0) {
      throw new FleetError('USAGE', 'give either --subtask or --failed', {
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
