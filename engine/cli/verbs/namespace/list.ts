import { namespaceListLines } from '../../render/namespace.ts';
import { defineVerb, toggle } from '../../verb.ts';

export const namespaceList = defineVerb({
  path: 'namespace list',
  summary: 'List namespaces',
  description: 'Namespaces below an archived one count as archived.',
  examples: [
    ['spl namespace list', 'list all namespaces, default first'],
    ['spl namespace list --all', 'include deleted ones'],
  ],
  positionals: {},
  flags: { all: toggle('--all', 'Include deleted namespaces') },
  async run(context, { all }) {
    const document = await context.report('namespaces', { all });
    context.print(document, () => namespaceListLines(document));
  },
});
