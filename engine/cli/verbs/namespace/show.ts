import { ROOT_NAMESPACE } from '../../../contract/namespaces.ts';
import { namespaceLines } from '../../render/namespace.ts';
import { usedNamespace } from '../../used-namespace.ts';
import { defineVerb, maybeWord } from '../../verb.ts';

export const namespaceShow = defineVerb({
  path: 'namespace show',
  summary: 'Show a namespace and its ancestors',
  examples: [
    ['spl namespace show acme/web', 'show its status, level and ancestors'],
    ['spl namespace show', 'show the namespace in use'],
  ],
  positionals: {
    id: maybeWord('id', 'Segments separated by / (default: the namespace in use)', 'namespaces'),
  },
  flags: {},
  async run(context, { id }) {
    const namespace = id ?? (await usedNamespace(context)) ?? ROOT_NAMESPACE;
    const document = await context.report('namespace', { namespace });
    context.print(document, () => namespaceLines(document, context.out.colours));
  },
});
