import { defineVerb, word } from '../../verb.ts';

export const tokenRevoke = defineVerb({
  path: 'token revoke',
  summary: 'end a token at once, with the streams that are open with it',
  description: 'Tokens that were made with it are not ended: spl token list says who made each.',
  examples: [['spl token revoke 0123456789abcdef', 'by its id, which is the middle part of the token']],
  positionals: { id: word('id', 'as spl token list shows it') },
  flags: {},
  async run(context, { id }) {
    const revoked = await context.submit('token.revoke', { token: id });
    context.print(revoked, () => [`${context.out.colours.green('✓')} token ${revoked.id} revoked`]);
  },
});
