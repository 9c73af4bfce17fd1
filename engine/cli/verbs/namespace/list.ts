import { namespaceListLines } from '../../render/namespace.ts';
import { defineVerb, toggle } from '../../verb.ts';

export const namespaceList = defineVerb({
  path: 'namespace list',
  summary: 'list the namespaces',
  description: 'One below an archived namespace is archived with it.',
  examples: [
    ['spl namespace list', 'all of them, default first'],
    ['spl namespace list --all', 'also those that were deleted'],
  ],
  positionals: {},
  flags: { all: toggle('--all', 'also those that were deleted') },
  async run(context, { all }) {
    const document = await context.report('namespaces', { all });
    context.print(document, () => namespaceListLines(document));
  },
});
