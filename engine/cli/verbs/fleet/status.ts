import { fleetStatusLines } from '../../render/fleet.ts';
import { defineVerb, toggle } from '../../verb.ts';
import { watchFleet } from '../../watch/watch-fleet.ts';

export const fleetStatus = defineVerb({
  path: 'fleet status',
  summary: 'Show the instances, freezes and heartbeat interval of the fleet',
  description:
    '--live runs until q or Ctrl-C. It redraws a terminal in place. Other output gets one line per change, and --json ' +
    'one document per line.',
  examples: [
    ['spl fleet status', 'show the coordinator, the instances and the freezes'],
    ['spl fleet status --live', 'follow what runs on each instance'],
  ],
  positionals: {},
  flags: { live: toggle('--live', 'Keep showing the fleet as it changes') },
  async run(context, { live }) {
    if (live) return watchFleet(context);
    const fleet = await context.report('fleet', {});
    context.print(fleet, () => fleetStatusLines(fleet, context.out.colours));
    return 0;
  },
});
