import { namespaceChangedLine } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceDelete = defineVerb({
  path: 'namespace delete',
  summary: 'archive a namespace for good: it is no longer listed',
  description:
    'It must have nothing active below it, and no task that is not finished. Its records stay, since a log only grows; ' +
    'spl namespace list --all tells of it.',
  examples: [['spl namespace delete acme/web/staging', 'it has served']],
  positionals: { namespace: word('id', 'segments with / between', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const deleted = await context.submit('namespace.delete', { namespace });
    context.print(deleted, () => [
      namespaceChangedLine(deleted, context.out.colours),
      '· it is no longer listed but by: spl namespace list --all',
    ]);
  },
});
