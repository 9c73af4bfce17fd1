import { namespaceChangedLine } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceArchive = defineVerb({
  path: 'namespace archive',
  summary: 'Archive a namespace and everything below it',
  description:
    'In it and below, new work is refused, waiting work does not start, and running work drains. ' +
    'spl namespace create reactivates it, with the namespaces below that were not archived on their own.',
  examples: [['spl namespace archive acme/web', 'close it to new work']],
  positionals: { namespace: word('id', 'Segments separated by /', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const archived = await context.submit('namespace.archive', { namespace });
    context.print(archived, () => [namespaceChangedLine(archived, context.out.colours)]);
  },
});
