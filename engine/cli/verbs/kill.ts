import { killedLine } from '../render/control.ts';
import { choice, defineVerb, number, text, toggle } from '../verb.ts';

export const kill = defineVerb({
  path: 'kill',
  summary: 'keep new work out of a namespace or of everything, and end what runs where that is asked for',
  description:
    'A soft freeze lets in no new work, there and below; what runs drains. A hard one ends what still runs after the grace. ' +
    'The emergency stop is a soft freeze of everything. Nothing of it ends by itself: see spl unkill.',
  examples: [
    ['spl kill --namespace acme/web --reason "bad release"', 'nothing new in it, what runs may end'],
    ['spl kill --namespace acme --level hard --grace 10', 'what still runs after 10 s is ended'],
    ['spl kill --emergency --reason "runaway cost"', 'nothing new anywhere'],
  ],
  positionals: {},
  flags: {
    namespace: text('--namespace <id>', 'the namespace to freeze, with all below it', 'namespaces'),
    emergency: toggle('--emergency', 'everything'),
    level: choice('--level <level>', 'soft or hard (default: soft)', ['soft', 'hard']),
    graceSecs: number('--grace <seconds>', 'when a hard freeze ends what runs (default: 60)', {
      min: 0,
      max: 86_400,
    }),
    reason: text('--reason <text>', 'why, for whoever meets it'),
  },
  async run(context, { namespace, emergency, level, graceSecs, reason }) {
    const input = { namespace, emergency, level, grace_secs: graceSecs, reason };
    const done = await context.submit('kill', input);
    context.print(done, () => [killedLine(done, context.out.colours)]);
  },
});
