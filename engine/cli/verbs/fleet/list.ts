import { fleetListLines } from '../../render/fleet.ts';
import { defineVerb } from '../../verb.ts';

export const fleetList = defineVerb({
  path: 'fleet list',
  summary: 'list the instances',
  examples: [
    ['spl fleet list', 'a table, one line an instance'],
    ['spl fleet list --json', 'the same as a document'],
  ],
  positionals: {},
  flags: {},
  async run(context) {
    const fleet = await context.report('fleet', {});
    context.print(fleet, () => fleetListLines(fleet, context.out.colours));
  },
});
