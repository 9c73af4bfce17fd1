import { fleetStatusLines } from '../../render/fleet.ts';
import { defineVerb, toggle } from '../../verb.ts';
import { watchFleet } from '../../watch/watch-fleet.ts';

export const fleetStatus = defineVerb({
  path: 'fleet status',
  summary: 'the fleet in figures: instances, freezes, intervals',
  description:
    'With --live it stays until q or Ctrl-C: a terminal is redrawn in place, other output gets a line for each ' +
    'change, and --json a document a line.',
  examples: [
    ['spl fleet status', 'the coordinator, the instances, and what is frozen'],
    ['spl fleet status --live', 'what runs where, as it goes'],
  ],
  positionals: {},
  flags: { live: toggle('--live', 'go on showing it as it changes') },
  async run(context, { live }) {
    if (live) return watchFleet(context);
    const fleet = await context.report('fleet', {});
    context.print(fleet, () => fleetStatusLines(fleet, context.out.colours));
    return 0;
  },
});
