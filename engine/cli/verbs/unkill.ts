import { killedLine } from '../render/control.ts';
import { defineVerb, text, toggle } from '../verb.ts';

export const unkill = defineVerb({
  path: 'unkill',
  summary: 'undo a freeze, or the emergency stop',
  description:
    'What waited goes on. What a hard freeze has ended is not run again by itself: see spl task retry.',
  examples: [
    ['spl unkill --namespace acme/web', 'undo its freeze'],
    ['spl unkill --emergency', 'undo the emergency stop'],
  ],
  positionals: {},
  flags: {
    namespace: text('--namespace <id>', 'the namespace that was frozen', 'namespaces'),
    emergency: toggle('--emergency', 'the emergency stop'),
  },
  async run(context, { namespace, emergency }) {
    const done = await context.submit('unkill', { namespace, emergency });
    context.print(done, () => [killedLine(done, context.out.colours)]);
  },
});
