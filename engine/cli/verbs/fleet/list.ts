import { fleetListLines } from '../../render/fleet.ts';
import { defineVerb } from '../../verb.ts';

export const fleetList = defineVerb({
  path: 'fleet list',
  summary: 'List the instances',
  examples: [
    ['spl fleet list', 'print a table, one line per instance'],
    ['spl fleet list --json', 'print the same as JSON'],
  ],
  positionals: {},
  flags: {},
  async run(context) {
    const fleet = await context.report('fleet', {});
    context.print(fleet, () => fleetListLines(fleet, context.out.colours));
  },
});
