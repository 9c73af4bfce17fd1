import { killedLine } from '../render/control.ts';
import { choice, defineVerb, number, text, toggle } from '../verb.ts';

export const kill = defineVerb({
  path: 'kill',
  summary: 'Freeze a namespace, or stop all new work',
  description:
    'A soft freeze refuses new work in the namespace and below, and lets running work drain. A hard freeze also ends what ' +
    'still runs after --grace. The emergency stop is a soft freeze of everything. Freezes last until spl unkill.',
  examples: [
    ['spl kill --namespace acme/web --reason "bad release"', 'refuse new work, let running work drain'],
    ['spl kill --namespace acme --level hard --grace 10', 'end what still runs after 10 s'],
    ['spl kill --emergency --reason "runaway cost"', 'refuse new work everywhere'],
  ],
  positionals: {},
  flags: {
    namespace: text('--namespace <id>', 'Namespace to freeze, with all below it', 'namespaces'),
    emergency: toggle('--emergency', 'Stop new work everywhere'),
    level: choice('--level <level>', 'Kind of freeze: soft or hard (default: soft)', ['soft', 'hard']),
    graceSecs: number('--grace <seconds>', 'Seconds until a hard freeze ends running work (default: 60)', {
      min: 0,
      max: 86_400,
    }),
    reason: text('--reason <text>', 'Reason, shown to everybody whose work it stops'),
  },
  async run(context, { namespace, emergency, level, graceSecs, reason }) {
    const input = { namespace, emergency, level, grace_secs: graceSecs, reason };
    const done = await context.submit('kill', input);
    context.print(done, () => [killedLine(done, context.out.colours)]);
  },
});
