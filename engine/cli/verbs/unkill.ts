import { killedLine } from '../render/control.ts';
import { defineVerb, text, toggle } from '../verb.ts';

export const unkill = defineVerb({
  path: 'unkill',
  summary: 'Undo a freeze or the emergency stop',
  description: 'Waiting work resumes. Work that a hard freeze ended does not run again: see spl task retry.',
  examples: [
    ['spl unkill --namespace acme/web', 'undo the freeze of a namespace'],
    ['spl unkill --emergency', 'undo the emergency stop'],
  ],
  positionals: {},
  flags: {
    namespace: text('--namespace <id>', 'Frozen namespace', 'namespaces'),
    emergency: toggle('--emergency', 'Undo the emergency stop'),
  },
  async run(context, { namespace, emergency }) {
    const done = await context.submit('unkill', { namespace, emergency });
    context.print(done, () => [killedLine(done, context.out.colours)]);
  },
});
