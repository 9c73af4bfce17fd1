import { taskAddSchema } from '../../contract/commands.ts';
import { taskAddedSchema } from '../../contract/documents.ts';
import { command } from '../operation.ts';

export const taskAdd = command({
  name: 'task.add',
  about: 'add a task',
  method: 'POST',
  path: '/v1/tasks',
  scope: 'write',
  body: taskAddSchema,
  output: taskAddedSchema,
  confine: async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    inside.require(namespace);
    const { depends_on: on } = input;
    return call({ ...input, namespace, ...(on && { depends_on: await inside.threads(on) }) });
  },
  run: (input, { domain, coordinator, newThread, recorded }) =>
    recorded(issuer => domain.addTask(coordinator, input, newThread(), issuer)),
});
