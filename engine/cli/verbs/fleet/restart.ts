import { portOf } from '../../../contract/format.ts';
import { defineVerb, word } from '../../verb.ts';

export const fleetRestart = defineVerb({
  path: 'fleet restart',
  summary: 'stop one worker and start it again',
  description: 'It drains first; its home, and so its DID, stays.',
  examples: [['spl fleet restart worker-a', 'one worker, by alias']],
  positionals: { instance: word('instance', 'an alias or a DID', 'instances') },
  flags: {},
  async run(context, { instance }) {
    const restarted = await context.submit('fleet.restart', { instance });
    context.print(restarted, () => [
      `${context.out.colours.green('✓')} ${restarted.alias} restarted: PID ${restarted.pid ?? '–'} ` +
        `on ${portOf(restarted.endpoint)}`,
    ]);
  },
});
