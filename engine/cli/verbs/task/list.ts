import { taskListLines } from '../../render/task.ts';
import { defineVerb, toggle } from '../../verb.ts';

export const taskList = defineVerb({
  path: 'task list',
  summary: 'List tasks',
  description:
    'Finished tasks (approved, rejected, failed, cancelled) are listed with --all, and archived ones with --archived.',
  examples: [
    ['spl task list', 'list unfinished tasks'],
    ['spl task list --all', 'list all tasks that are not archived'],
    ['spl task list --archived', 'list the tasks that spl archive removed'],
  ],
  positionals: {},
  flags: {
    all: toggle('--all', 'Include finished tasks'),
    archived: toggle('--archived', 'List only archived tasks'),
  },
  async run(context, { all, archived }) {
    const document = await context.report('tasks', { all, ...(archived && { archived }) });
    context.print(document, () =>
      taskListLines(document.tasks, archived ? 'archived' : all ? 'all' : 'unfinished'),
    );
  },
});
