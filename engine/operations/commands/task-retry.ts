import { retrySchema } from '../../contract/commands.ts';
import { joinStatusSchema } from '../../contract/documents.ts';
import { onTask } from '../confinement.ts';
import { command } from '../operation.ts';

export const taskRetry = command({
  name: 'task.retry',
  about: 'retry subtasks',
  method: 'POST',
  path: '/v1/tasks/:task/retry',
  scope: 'write',
  body: retrySchema,
  output: joinStatusSchema,
  submits: true,
  confine: onTask,
  run: async ({ task, ...input }, { domain, coordinator, work }) => {
    await work.requireReady(task, each => domain.subtasksOfRetry(each, input));
    return work.submit(issuer => {
      const retried = domain.retry(coordinator, task, input, issuer);
      return domain.joinDocument(coordinator, retried, false, issuer.now);
    });
  },
});
