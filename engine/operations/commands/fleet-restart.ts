import { fleetRestartSchema } from '../../contract/commands.ts';
import { instanceSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const fleetRestart = command({
  name: 'fleet.restart',
  about: 'restart a worker',
  method: 'POST',
  path: '/v1/fleet/restart',
  scope: 'control',
  body: fleetRestartSchema,
  output: instanceSchema,
  confine: refused('restart workers'),
  run: ({ instance }, { fleet, once }) => once(() => fleet.restart(instance)),
});
