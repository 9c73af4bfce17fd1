import { defineVerb, text, word, type Context } from '../../verb.ts';
import { labelOf, SUBTASK, type Named } from '../../subtask-option.ts';

export const taskCancel = defineVerb({
  path: 'task cancel',
  summary: 'cancel a task, or some of its subtasks',
  description: 'All its attempts are ended, and its join becomes cancelled.',
  examples: [
    ['spl task cancel FIRST-001 --reason "not needed"', 'the whole task'],
    ['spl task cancel FIRST-001 --subtask lint', 'one subtask'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {
    subtask: text('--subtask <subtask>', `only this subtask: ${SUBTASK}`),
    reason: text('--reason <text>', 'why, for the record'),
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

/** Asks for the name of a subtask that was given by its index. It is done already: where nobody answers, the index has to do. */
async function namedIn(context: Context, task: string, subtask: string): Promise<readonly Named[]> {
  if (context.settings.json || !/^\d+$/.test(subtask)) return [];
  const asked = { task, offset: 0, limit: 1, indices: [Number(subtask)] };
  return context.report('children', asked).then(
    ({ children }) => children,
    () => [],
  );
}
