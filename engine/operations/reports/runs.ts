import { runsSchema } from '../../contract/documents.ts';
import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { report, text } from '../operation.ts';

export const runs = report({
  name: 'runs',
  about: 'list numbered runs, newest first; `name`, `limit`, `namespace`, `folder`',
  method: 'GET',
  path: '/v1/runs',
  query: {
    name: text('name'),
    limit: { name: 'limit', kind: 'number', min: 1, max: 1_000, absent: 20 },
    namespace: text('namespace'),
    folder: text('folder'),
  },
  scope: 'read',
  output: runsSchema,
  costly: true,
  confine: async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    inside.require(namespace);
    return call({ ...input, namespace });
  },
  answer: ({ namespace = ROOT_NAMESPACE, ...input }, { domain, coordinator: { state }, now }) =>
    domain.runsDocument(state, { ...input, namespace }, now),
});
