import { effectiveLines } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceResolve = defineVerb({
  path: 'namespace resolve',
  summary: 'Print the effective policy of a namespace, with the source of each part',
  description:
    'Something is allowed only if every level allows it, and denied if any level denies it. The smallest limit counts.',
  examples: [['spl namespace resolve acme/web/staging', 'show the limits of work there']],
  positionals: { namespace: word('id', 'Segments separated by /', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const effective = await context.report('namespace.effective', { namespace });
    context.print(effective, () => effectiveLines(effective));
  },
});
