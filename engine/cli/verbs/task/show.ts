import { readFanOut } from '../../../client/fan-out.ts';
import type { TaskDocument } from '../../../contract/documents.ts';
import { resultsLines, taskLines } from '../../render/task.ts';
import { tildePath } from '../../settings.ts';
import { defineVerb, word, type Context } from '../../verb.ts';

export const taskShow = defineVerb({
  path: 'task show',
  summary: 'Show a task',
  examples: [['spl task show FIRST-001', 'name the task by its alias']],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: {},
  async run(context, { task }) {
    const found = await context.report('task', { task });
    const results = context.settings.json ? [] : await resultsOf(context, found);
    context.print(found, () => [
      ...taskLines(found, path => tildePath(path, context.env), context.out.colours),
      ...results,
    ]);
  },
});

/** The most subtasks that are read for their results. */
const MAX_READ = 1_000;

/** Returns the lines with the results of the subtasks. */
async function resultsOf(context: Context, task: TaskDocument): Promise<readonly string[]> {
  if (task.fan_out === null || task.fan_out.subtasks > MAX_READ) return [];
  const { engine } = await context.client();
  return resultsLines(await readFanOut(engine, task.thread, context.signal));
}
