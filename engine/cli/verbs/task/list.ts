import { taskListLines } from '../../render/task.ts';
import { defineVerb, toggle } from '../../verb.ts';

export const taskList = defineVerb({
  path: 'task list',
  summary: 'list the tasks',
  description: 'Finished ones (approved, rejected, failed, cancelled) are listed with --all.',
  examples: [
    ['spl task list', 'the unfinished ones'],
    ['spl task list --all', 'all'],
  ],
  positionals: {},
  flags: { all: toggle('--all', 'the finished ones as well') },
  async run(context, { all }) {
    const document = await context.report('tasks', { all });
    context.print(document, () => taskListLines(document.tasks, all));
  },
});
