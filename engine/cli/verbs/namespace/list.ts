import { namespaceListLines } from '../../render/namespace.ts';
import { defineVerb } from '../../verb.ts';

export const namespaceList = defineVerb({
  path: 'namespace list',
  summary: 'list the namespaces',
  examples: [['spl namespace list', 'all of them, default first']],
  positionals: {},
  flags: {},
  async run(context) {
    const document = await context.report('namespaces', {});
    context.print(document, () => namespaceListLines(document));
  },
});
