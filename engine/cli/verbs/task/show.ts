import { taskLines } from '../../render/task.ts';
import { tildePath } from '../../settings.ts';
import { defineVerb, word } from '../../verb.ts';

export const taskShow = defineVerb({
  path: 'task show',
  summary: 'Show a task',
  examples: [['spl task show FIRST-001', 'name the task by its alias']],
  positionals: { task: word('task', 'Alias or thread id, or a prefix of either', 'tasks') },
  flags: {},
  async run(context, { task }) {
    const found = await context.report('task', { task });
    context.print(found, () => taskLines(found, path => tildePath(path, context.env), context.out.colours));
  },
});
