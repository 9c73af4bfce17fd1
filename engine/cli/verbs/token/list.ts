import { tokenListLines } from '../../render/token.ts';
import { defineVerb } from '../../verb.ts';

export const tokenList = defineVerb({
  path: 'token list',
  summary: 'list the tokens beside the home’s own',
  description: 'The tokens themselves are told to nobody: only a hash of each is kept.',
  examples: [['spl token list', 'what each may do, and until when']],
  positionals: {},
  flags: {},
  async run(context) {
    const document = await context.report('tokens', {});
    context.print(document, () => tokenListLines(document));
  },
});
