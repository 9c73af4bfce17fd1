import { defineVerb, word } from '../../verb.ts';

export const tokenRevoke = defineVerb({
  path: 'token revoke',
  summary: 'Revoke a token and close its open streams',
  description: 'Tokens that were created with it stay valid. spl token list shows who created each.',
  examples: [['spl token revoke 0123456789abcdef', 'revoke a token by its id, the middle part of the token']],
  positionals: { id: word('id', 'Id of the token, from spl token list') },
  flags: {},
  async run(context, { id }) {
    const revoked = await context.submit('token.revoke', { token: id });
    context.print(revoked, () => [`${context.out.colours.green('✓')} token ${revoked.id} revoked`]);
  },
});
