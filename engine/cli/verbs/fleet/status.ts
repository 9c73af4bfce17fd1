import { fleetStatusLines } from '../../render/fleet.ts';
import { defineVerb, later } from '../../verb.ts';

export const fleetStatus = defineVerb({
  path: 'fleet status',
  summary: 'the fleet in figures: instances, freezes, intervals',
  examples: [['spl fleet status', 'the coordinator, the instances, and what is frozen']],
  positionals: {},
  flags: { live: later('--live') },
  async run(context) {
    const fleet = await context.report('fleet', {});
    context.print(fleet, () => fleetStatusLines(fleet, context.out.colours));
  },
});
