import { childrenSchema } from '../../contract/documents.ts';
import { MAX_CHILDREN } from '../../contract/engine.ts';
import { onTask } from '../confinement.ts';
import { position, report } from '../operation.ts';

/**
 * Returns a page of a fan-out's children: at most `limit` (1 to 500) starting at index `offset`; or the children with
 * these `indices` (at most 500), in that order.
 */
export const children = report({
  name: 'children',
  about: 'list subtasks; `offset`, `limit`, or `index=1,2,3`',
  method: 'GET',
  path: '/v1/tasks/:task/subtasks',
  query: {
    offset: { ...position('offset'), absent: 0 },
    limit: { name: 'limit', kind: 'number', min: 1, max: MAX_CHILDREN, absent: 100 },
    indices: { name: 'index', kind: 'numbers', most: MAX_CHILDREN },
  },
  scope: 'read',
  output: childrenSchema,
  costly: true,
  confine: onTask,
  answer: ({ task, ...asked }, { domain, coordinator, now }) =>
    domain.childrenDocument(coordinator, domain.resolveTask(coordinator.state, task), asked, now),
});
