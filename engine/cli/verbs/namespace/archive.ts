import { namespaceChangedLine } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceArchive = defineVerb({
  path: 'namespace archive',
  summary: 'close a namespace, with all below it',
  description:
    'Nothing new is let in, there and below, and what waits does not start; what runs drains. ' +
    'spl namespace create makes it active again, and with it what was not archived by itself.',
  examples: [['spl namespace archive acme/web', 'nothing new in it, nor below it']],
  positionals: { namespace: word('id', 'segments with / between', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const archived = await context.submit('namespace.archive', { namespace });
    context.print(archived, () => [namespaceChangedLine(archived, context.out.colours)]);
  },
});
