import { fleetSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const fleet = report({
  name: 'fleet',
  about: 'get the status of the fleet',
  method: 'GET',
  path: '/v1/fleet/status',
  scope: 'read',
  output: fleetSchema,
  needsFleet: true,
  confine: refused('see the whole fleet'),
  answer: (_input, { domain, coordinator, facts, now }) => domain.fleetDocument(coordinator, facts, now),
});
