import { cancelSchema } from '../../contract/commands.ts';
import { taskSchema } from '../../contract/documents.ts';
import { visibleTask } from '../confinement.ts';
import { command } from '../operation.ts';

export const taskCancel = command({
  name: 'task.cancel',
  about: 'cancel the task or a subtask',
  method: 'POST',
  path: '/v1/tasks/:task/cancel',
  scope: 'write',
  body: cancelSchema,
  output: taskSchema,
  confine: visibleTask,
  run: ({ task, ...input }, { domain, coordinator, recorded }) =>
    recorded(issuer => {
      const cancelled = domain.cancel(coordinator, task, input, issuer);
      return domain.taskDocument(coordinator.state, cancelled, issuer.now);
    }),
});
