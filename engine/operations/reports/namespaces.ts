import { namespacesSchema } from '../../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { MAX_PAGE, position, report, text } from '../operation.ts';

/**
 * Lists namespaces. `all` includes deleted ones. `parent` limits the list to the namespaces directly below it, at most
 * `limit` (1 to 10,000) starting at number `offset`.
 */
export const namespaces = report({
  name: 'namespaces',
  about: 'list the namespaces; `all`; those below `parent`: `offset`, `limit`',
  method: 'GET',
  path: '/v1/namespaces',
  query: {
    all: { name: 'all', kind: 'flag', optional: true },
    parent: text('parent'),
    offset: position('offset'),
    limit: { name: 'limit', kind: 'number', min: 1, max: MAX_PAGE },
  },
  scope: 'read',
  output: namespacesSchema,
  confine: async (input, inside, call) => {
    if (input.parent !== undefined) {
      inside.require(input.parent);
      return call(input);
    }
    const all = (await call(input)).namespaces.filter(({ id }) => isWithin(id, inside.namespace));
    return { namespaces: all, explicit: all.filter(({ id }) => id !== ROOT_NAMESPACE).length };
  },
  answer: (input, { domain, coordinator: { state } }) => domain.namespacesDocument(state.namespaces, input),
});
