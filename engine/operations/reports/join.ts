import { joinStatusSchema } from '../../contract/documents.ts';
import { onTask } from '../confinement.ts';
import { flag, report } from '../operation.ts';

/** Reports the join of a task. `summary` leaves out the children. */
export const join = report({
  name: 'join',
  about: 'get the join status; `summary=1` leaves the subtasks out',
  method: 'GET',
  path: '/v1/tasks/:task/join',
  query: { summary: flag('summary') },
  scope: 'read',
  output: joinStatusSchema,
  costly: true,
  confine: onTask,
  answer: ({ task, summary }, { domain, coordinator, now }) =>
    domain.joinDocument(coordinator, domain.resolveTask(coordinator.state, task), summary, now),
});
