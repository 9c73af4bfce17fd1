import { namespaceCreateSchema } from '../../contract/commands.ts';
import { namespaceSchema } from '../../contract/documents.ts';
import { command } from '../operation.ts';

export const namespaceCreate = command({
  name: 'namespace.create',
  about: 'create a namespace',
  method: 'POST',
  path: '/v1/namespaces',
  scope: 'control',
  body: namespaceCreateSchema,
  output: namespaceSchema,
  confine: (input, inside, call) => inside.below(input.id, () => call(input)),
  run: (input, { domain, coordinator, noted }) =>
    noted(issuer => domain.createNamespace(coordinator, input, issuer)),
});
