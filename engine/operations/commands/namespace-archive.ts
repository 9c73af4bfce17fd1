import { namespaceSchema } from '../../contract/documents.ts';
import { below } from '../confinement.ts';
import { command } from '../operation.ts';

export const namespaceArchive = command({
  name: 'namespace.archive',
  about: 'archive a namespace, with all below it',
  method: 'POST',
  path: '/v1/namespaces/:namespace/archive',
  scope: 'control',
  output: namespaceSchema,
  confine: below,
  run: ({ namespace }, { domain, coordinator, noted }) =>
    noted(issuer => domain.archiveNamespace(coordinator, namespace, issuer)),
});
