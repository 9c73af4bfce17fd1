import { fleetStartSchema } from '../../contract/commands.ts';
import { fleetStartedSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const fleetStart = command({
  name: 'fleet.start',
  about: 'raise the number of workers',
  method: 'POST',
  path: '/v1/fleet/start',
  scope: 'control',
  body: fleetStartSchema,
  output: fleetStartedSchema,
  patience: { timeoutMs: 45_000 },
  confine: refused('start workers'),
  run: (input, { fleet, caller, once }) => once(() => fleet.start(input, caller.signal)),
});
