import { namespaceShownSchema } from '../../contract/documents.ts';
import { within } from '../confinement.ts';
import { report } from '../operation.ts';

export const namespace = report({
  name: 'namespace',
  about: 'get a namespace and its ancestors',
  method: 'GET',
  path: '/v1/namespaces/:namespace',
  scope: 'read',
  output: namespaceShownSchema,
  confine: within,
  answer: (input, { domain, coordinator: { state } }) =>
    domain.namespaceDocument(state.namespaces, input.namespace),
});
