import { effectiveLines } from '../../render/namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceResolve = defineVerb({
  path: 'namespace resolve',
  summary: 'print the policy that holds in a namespace, and which level set each part',
  description:
    'Going down, what is allowed is what every level allows, a limit is the smallest, and what any level denies is denied.',
  examples: [['spl namespace resolve acme/web/staging', 'what bounds the work there']],
  positionals: { namespace: word('id', 'segments with / between', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const effective = await context.report('namespace.effective', { namespace });
    context.print(effective, () => effectiveLines(effective));
  },
});
