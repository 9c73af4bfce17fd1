import { namespaceChangedLine } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceDelete = defineVerb({
  path: 'namespace delete',
  summary: 'Archive a namespace and hide it from the list',
  description:
    'Refused while it has an active namespace below it or an unfinished task. Its records stay in the log, and ' +
    'spl namespace list --all lists it.',
  examples: [['spl namespace delete acme/web/staging', 'delete one that is no longer needed']],
  positionals: { namespace: word('id', 'Segments separated by /', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const deleted = await context.submit('namespace.delete', { namespace });
    context.print(deleted, () => [
      namespaceChangedLine(deleted, context.out.colours),
      '· only spl namespace list --all still lists it',
    ]);
  },
});
