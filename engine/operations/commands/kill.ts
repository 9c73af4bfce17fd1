import { killSchema } from '../../contract/commands.ts';
import { controlSchema } from '../../contract/documents.ts';
import { refusedEmergency } from '../confinement.ts';
import { command } from '../operation.ts';

export const kill = command({
  name: 'kill',
  about: 'freeze a namespace, or stop everything',
  method: 'POST',
  path: '/v1/kill',
  scope: 'control',
  body: killSchema,
  output: controlSchema,
  confine: async (input, inside, call) => {
    if (input.emergency) return refusedEmergency(input, inside);
    if (input.namespace !== null) inside.require(input.namespace);
    return inside.visibleControl(await call(input));
  },
  run: (input, { domain, coordinator, noted }) => noted(issuer => domain.kill(coordinator, input, issuer)),
});
