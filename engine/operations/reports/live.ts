import { liveSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const live = report({
  name: 'live',
  about: 'get the fleet, what runs on it, and the open fan-outs',
  method: 'GET',
  path: '/v1/fleet/live',
  scope: 'read',
  output: liveSchema,
  needsFleet: true,
  confine: refused('see the whole fleet'),
  answer: (_input, { domain, coordinator, facts, now }) => domain.liveDocument(coordinator, facts, now),
});
