import { taskSchema } from '../../contract/documents.ts';
import { visibleTask } from '../confinement.ts';
import { report } from '../operation.ts';

export const task = report({
  name: 'task',
  about: 'get a task',
  method: 'GET',
  path: '/v1/tasks/:task',
  scope: 'read',
  output: taskSchema,
  confine: visibleTask,
  answer: (input, { domain, coordinator: { state }, now }) =>
    domain.taskDocument(state, domain.resolveTask(state, input.task), now),
});
