import { ROOT_NAMESPACE } from '../../../contract/namespaces.ts';
import { namespaceLines } from '../../render/namespace.ts';
import { usedNamespace } from '../../used-namespace.ts';
import { defineVerb, maybeWord } from '../../verb.ts';

export const namespaceShow = defineVerb({
  path: 'namespace show',
  summary: 'show a namespace and what lies above it',
  examples: [
    ['spl namespace show acme/web', 'its status, level and ancestors'],
    ['spl namespace show', 'the one that is taken where none is named'],
  ],
  positionals: {
    id: maybeWord('id', 'segments with / between (default: the one in use)', 'namespaces'),
  },
  flags: {},
  async run(context, { id }) {
    const namespace = id ?? (await usedNamespace(context)) ?? ROOT_NAMESPACE;
    const document = await context.report('namespace', { namespace });
    context.print(document, () => namespaceLines(document, context.out.colours));
  },
});
