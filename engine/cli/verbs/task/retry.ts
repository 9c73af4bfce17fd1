import { FleetError } from '../../../errors.ts';
import { SUBTASK_RANGE } from '../../subtask-option.ts';
import { defineVerb, number, text, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';

export const taskRetry = defineVerb({
  path: 'task retry',
  summary: 'run a subtask that did not accept again',
  description:
    'After the join it opens the next round: that subtask, and those that were cancelled because of it, run ' +
    'again; the others keep their results.',
  examples: [
    ['spl task retry FIRST-001 --subtask 1', 'run it again'],
    ['spl task retry FIRST-001 --subtask 1 --hint "use the other port" --wait', 'with a hint, to the join'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {
    subtask: number('--subtask <i>', 'the subtask, counted from 0', SUBTASK_RANGE),
    hint: text('--hint <text>', 'what to do otherwise this time'),
    wait: toggle('--wait', 'stay until the join, and end by its outcome'),
  },
  async run(context, { task, subtask, hint, wait }) {
    if (subtask === null) {
      throw new FleetError('USAGE', 'retry needs --subtask', {
        hint: `spl task retry ${task} --subtask 0`,
      });
    }
    const join = await context.submit('task.retry', { task, subtask, hint });
    if (wait && context.settings.json) return waitForJoin(context, join.thread, {});
    context.print(join, () => [
      `${context.out.colours.cyan('◇')} Retry of subtask ${subtask} recorded`,
      `  thread: ${join.thread}`,
      `  round:  ${join.round}`,
    ]);
    return wait ? waitForJoin(context, join.thread, {}) : 0;
  },
});
