import { taskListLines } from '../../render/task.ts';
import { defineVerb, toggle } from '../../verb.ts';

export const taskList = defineVerb({
  path: 'task list',
  summary: 'List tasks',
  description: 'Finished tasks (approved, rejected, failed, cancelled) are listed with --all.',
  examples: [
    ['spl task list', 'list unfinished tasks'],
    ['spl task list --all', 'list all tasks'],
  ],
  positionals: {},
  flags: { all: toggle('--all', 'Include finished tasks') },
  async run(context, { all }) {
    const document = await context.report('tasks', { all });
    context.print(document, () => taskListLines(document.tasks, all));
  },
});
