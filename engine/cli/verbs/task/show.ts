import { taskLines } from '../../render/task.ts';
import { tildePath } from '../../settings.ts';
import { defineVerb, word } from '../../verb.ts';

export const taskShow = defineVerb({
  path: 'task show',
  summary: 'show one task',
  examples: [['spl task show FIRST-001', 'by alias, thread id, or the beginning of either']],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {},
  async run(context, { task }) {
    const found = await context.report('task', { task });
    context.print(found, () => taskLines(found, path => tildePath(path, context.env), context.out.colours));
  },
});
