import { defineVerb, text, word, type Context } from '../../verb.ts';
import { labelOf, SUBTASK, type Named } from '../../subtask-option.ts';

export const taskCancel = defineVerb({
  path: 'task cancel',
  summary: 'Cancel a task, or one of its subtasks',
  description: 'Ends all attempts of the task. Its join becomes cancelled.',
  examples: [
    ['spl task cancel FIRST-001 --reason "not needed"', 'cancel the task'],
    ['spl task cancel FIRST-001 --subtask lint', 'cancel one subtask'],
  ],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: {
    subtask: text('--subtask <subtask>', SUBTASK),
    reason: text('--reason <text>', 'Reason, kept in the record'),
  },
  async run(context, { task, subtask, reason }) {
    const cancelled = await context.submit('task.cancel', { task, subtask, reason });
    const what =
      subtask === null
        ? cancelled.alias
        : `${labelOf(subtask, await namedIn(context, task, subtask))} of ${cancelled.alias}`;
    context.print(cancelled, () => [
      `${context.out.colours.cyan('◇')} cancellation of ${what} recorded`,
      `  status: ${cancelled.status}`,
    ]);
  },
});

/**
 * Asks for the name of a subtask that was given by its index. A failure is ignored, because the cancellation has
 * already succeeded.
 */
async function namedIn(context: Context, task: string, subtask: string): Promise<readonly Named[]> {
  if (context.settings.json || !/^\d+$/.test(subtask)) return [];
  const asked = { task, offset: 0, limit: 1, indices: [Number(subtask)] };
  return context.report('children', asked).then(
    ({ children }) => children,
    () => [],
  );
}
