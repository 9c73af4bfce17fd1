import { EXIT } from '../../exit-codes.ts';
import { pingLine } from '../../render/fleet.ts';
import { defineVerb, word } from '../../verb.ts';

export const fleetPing = defineVerb({
  path: 'fleet ping',
  summary: 'ask one instance for an answer',
  description: 'Exit code 5 when it does not answer.',
  examples: [['spl fleet ping worker-a', 'how fast it answers']],
  positionals: { instance: word('instance', 'a DID or an alias', 'instances') },
  flags: {},
  async run(context, { instance }) {
    const ping = await context.report('ping', { instance });
    context.print(ping, () => [pingLine(ping, context.out.colours)]);
    return ping.reachable ? EXIT.done : EXIT.unreachable;
  },
});
