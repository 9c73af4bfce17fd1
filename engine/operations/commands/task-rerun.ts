import { rerunSchema } from '../../contract/commands.ts';
import { fanOutOpenedSchema } from '../../contract/documents.ts';
import { onTask } from '../confinement.ts';
import { command } from '../operation.ts';

export const taskRerun = command({
  name: 'task.rerun',
  about: 'run the same subtasks again, as a new task',
  method: 'POST',
  path: '/v1/tasks/:task/rerun',
  scope: 'write',
  body: rerunSchema,
  output: fanOutOpenedSchema,
  submits: true,
  confine: onTask,
  run: async ({ task, ...input }, { domain, coordinator, newThread, work }) => {
    await work.requireReady(task, ({ fanOut }) => fanOut?.subtasks ?? []);
    return work.submit(issuer => domain.rerun(coordinator, task, input, newThread(), issuer));
  },
});
