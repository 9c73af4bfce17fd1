import { tokenListLines } from '../../render/token.ts';
import { defineVerb } from '../../verb.ts';

export const tokenList = defineVerb({
  path: 'token list',
  summary: 'List the tokens made with spl token create',
  description:
    'The home’s own token is not listed. Secrets are never shown: the home keeps only their hashes.',
  examples: [['spl token list', 'show the scopes and the expiry of each']],
  positionals: {},
  flags: {},
  async run(context) {
    const document = await context.report('tokens', {});
    context.print(document, () => tokenListLines(document));
  },
});
