import { tokensSchema } from '../../contract/tokens.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

/** Lists the tokens besides the home's own. */
export const tokens = report({
  name: 'tokens',
  about: "list the tokens other than the home's own",
  method: 'GET',
  path: '/v1/tokens',
  scope: 'control',
  output: tokensSchema,
  confine: refused('list tokens'),
  answer: (_input, context) => context.tokens.list(),
});
