import { fleetStopSchema } from '../../contract/commands.ts';
import { fleetStoppedSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const fleetStop = command({
  name: 'fleet.stop',
  about: 'stop the workers, everything, or one instance',
  method: 'POST',
  path: '/v1/fleet/stop',
  scope: 'control',
  body: fleetStopSchema,
  output: fleetStoppedSchema,
  // The answer comes after the requested grace. The client does not wait for an engine to come back.
  patience: { graceSecs: input => input.grace_secs, retries: false },
  confine: refused('stop instances'),
  run: (input, { fleet, once }) => once(() => fleet.stop(input)),
});
