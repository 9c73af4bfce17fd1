import { EXIT } from '../../exit-codes.ts';
import { pingLine } from '../../render/fleet.ts';
import { defineVerb, word } from '../../verb.ts';

export const fleetPing = defineVerb({
  path: 'fleet ping',
  summary: 'Check that an instance answers',
  description: 'Exits with 5 if the instance does not answer.',
  examples: [['spl fleet ping worker-a', 'print the round-trip time']],
  positionals: { instance: word('instance', 'Alias or DID', 'instances') },
  flags: {},
  async run(context, { instance }) {
    const ping = await context.report('ping', { instance });
    context.print(ping, () => [pingLine(ping, context.out.colours)]);
    return ping.reachable ? EXIT.done : EXIT.unreachable;
  },
});
