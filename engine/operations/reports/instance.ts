import { instanceSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const instance = report({
  name: 'instance',
  about: 'get an instance',
  method: 'GET',
  path: '/v1/fleet/instances/:instance',
  scope: 'read',
  output: instanceSchema,
  needsFleet: true,
  confine: refused('see instances'),
  answer: (input, { domain, coordinator, facts, now }) => {
    const found = domain.resolveInstance(coordinator.state, input.instance);
    return domain.instanceDocument(coordinator, found, facts, now);
  },
});
