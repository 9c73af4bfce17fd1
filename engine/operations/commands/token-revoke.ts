import { tokenSchema } from '../../contract/tokens.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const tokenRevoke = command({
  name: 'token.revoke',
  about: 'revoke a token by its id',
  method: 'DELETE',
  path: '/v1/tokens/:token',
  scope: 'control',
  output: tokenSchema,
  confine: refused('revoke tokens'),
  run: ({ token }, { tokens, caller, once, info }) =>
    once(async () => {
      const revoked = await tokens.revoke(token);
      info(`token ${revoked.id} was revoked by ${caller.actor}`);
      return revoked;
    }),
});
