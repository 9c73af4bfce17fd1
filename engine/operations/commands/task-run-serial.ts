import { runSerialSchema } from '../../contract/commands.ts';
import { fannedOutSchema } from '../../contract/documents.ts';
import { onTask } from '../confinement.ts';
import { command } from '../operation.ts';

export const taskRunSerial = command({
  name: 'task.run-serial',
  about: 'run the serial baseline of the task',
  method: 'POST',
  path: '/v1/tasks/:task/run-serial',
  scope: 'write',
  body: runSerialSchema,
  output: fannedOutSchema,
  submits: true,
  confine: onTask,
  run: async ({ task, ...input }, { domain, coordinator, newThread, work }) => {
    await work.requireReady(task, ({ fanOut }) => domain.membersAmong(fanOut?.subtasks ?? []));
    return work.submit(issuer => domain.runSerial(coordinator, task, input, newThread(), issuer));
  },
});
