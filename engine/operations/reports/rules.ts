import { rulesSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const rules = report({
  name: 'rules',
  about: 'list the permission rules',
  method: 'GET',
  path: '/v1/rules',
  scope: 'read',
  output: rulesSchema,
  confine: refused('list rules'),
  answer: (_input, { domain, coordinator: { state } }) => domain.rulesDocument(state.rules),
});
