import { instanceLines } from '../../render/fleet.ts';
import { tildePath } from '../../settings.ts';
import { defineVerb, word } from '../../verb.ts';

export const fleetShow = defineVerb({
  path: 'fleet show',
  summary: 'Show an instance',
  examples: [
    ['spl fleet show worker-a', 'by alias'],
    ['spl fleet show did:sync:instance:0123456789abcdef', 'by DID'],
  ],
  positionals: { instance: word('instance', 'Alias or DID', 'instances') },
  flags: {},
  async run(context, { instance }) {
    const found = await context.report('instance', { instance });
    context.print(found, () => instanceLines(found, path => tildePath(path, context.env)));
  },
});
