import { namespaceChangedLine } from '../../render/namespace.ts';
import { defineVerb, later, text, word } from '../../verb.ts';

export const namespaceCreate = defineVerb({
  path: 'namespace create',
  summary: 'register a namespace, or make an archived one active again',
  description:
    'Its parent must be there: acme, then acme/web, then acme/web/staging. Four levels at most, below default.',
  examples: [
    ['spl namespace create acme --description "Everything of Acme"', 'an organisation'],
    ['spl namespace create acme/web', 'a project in it'],
  ],
  positionals: { id: word('id', 'segments with / between') },
  flags: {
    description: text('--description <text>', 'what it is for'),
    policy: later('--policy <file>'),
  },
  async run(context, { id, description }) {
    const created = await context.submit('namespace.create', { id, description });
    context.print(created, () => [namespaceChangedLine(created, context.out.colours)]);
  },
});
