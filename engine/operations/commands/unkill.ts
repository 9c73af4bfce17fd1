import { unkillSchema } from '../../contract/commands.ts';
import { controlSchema } from '../../contract/documents.ts';
import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { refusedEmergency } from '../confinement.ts';
import { command } from '../operation.ts';

export const unkill = command({
  name: 'unkill',
  about: 'lift a freeze, or the emergency stop',
  method: 'POST',
  path: '/v1/unkill',
  scope: 'control',
  body: unkillSchema,
  output: controlSchema,
  confine: async (input, inside, call) => {
    if (input.emergency) return refusedEmergency(input, inside);
    return inside.visibleControl(await inside.below(input.namespace ?? ROOT_NAMESPACE, () => call(input)));
  },
  run: (input, { domain, coordinator, noted }) => noted(issuer => domain.unkill(coordinator, input, issuer)),
});
