import { namespaceLines } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceShow = defineVerb({
  path: 'namespace show',
  summary: 'show a namespace and what lies above it',
  examples: [['spl namespace show acme/web', 'its status, level and ancestors']],
  positionals: { namespace: word('id', 'segments with / between', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const document = await context.report('namespace', { namespace });
    context.print(document, () => namespaceLines(document, context.out.colours));
  },
});
