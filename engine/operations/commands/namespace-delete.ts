import { namespaceSchema } from '../../contract/documents.ts';
import { below } from '../confinement.ts';
import { command } from '../operation.ts';

export const namespaceDelete = command({
  name: 'namespace.delete',
  about: 'archive a namespace for good',
  method: 'POST',
  path: '/v1/namespaces/:namespace/delete',
  scope: 'control',
  output: namespaceSchema,
  confine: below,
  run: ({ namespace }, { domain, coordinator, noted }) =>
    noted(issuer => domain.deleteNamespace(coordinator, namespace, issuer)),
});
