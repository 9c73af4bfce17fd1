import { tasksSchema } from '../../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { flag, report, text } from '../operation.ts';

/** Lists tasks, oldest first, without the archived ones or only these. `limit` keeps only the newest; `namespace` keeps only those in it or below it. */
export const tasks = report({
  name: 'tasks',
  about: 'list the tasks; `all`, `archived` (only these), `limit` (the newest), `namespace`',
  method: 'GET',
  path: '/v1/tasks',
  query: {
    all: flag('all'),
    archived: { name: 'archived', kind: 'flag', optional: true },
    limit: { name: 'limit', kind: 'number', min: 1, max: 100_000 },
    namespace: text('namespace'),
  },
  scope: 'read',
  output: tasksSchema,
  costly: true,
  confine: async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    inside.require(namespace);
    const found = await call({ ...input, namespace });
    return { tasks: await Promise.all(found.tasks.map(task => inside.visiblePart(task))) };
  },
  answer: (input, { domain, coordinator: { state }, now }) => {
    const { all, archived = false, limit = Infinity, namespace = ROOT_NAMESPACE } = input;
    const found = [...state.tasks.values()].filter(
      task =>
        task.archived === archived &&
        (all || archived || !domain.isFinished(task)) &&
        isWithin(task.facts.namespace, namespace),
    );
    return { tasks: found.slice(-limit).map(task => domain.taskDocument(state, task, now)) };
  },
});
