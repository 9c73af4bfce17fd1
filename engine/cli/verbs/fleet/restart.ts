import { portOf } from '../../../contract/format.ts';
import { defineVerb, word } from '../../verb.ts';

export const fleetRestart = defineVerb({
  path: 'fleet restart',
  summary: 'Restart a worker',
  description: 'The worker drains first. It keeps its home and its DID.',
  examples: [['spl fleet restart worker-a', 'restart one worker']],
  positionals: { instance: word('instance', 'Alias or DID', 'instances') },
  flags: {},
  async run(context, { instance }) {
    const restarted = await context.submit('fleet.restart', { instance });
    context.print(restarted, () => [
      `${context.out.colours.green('✓')} ${restarted.alias} restarted: PID ${restarted.pid ?? '–'} ` +
        `on ${portOf(restarted.endpoint)}`,
    ]);
  },
});
