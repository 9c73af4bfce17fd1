import { secretShownBefore, tokenCreatedSchema, tokenCreateSchema } from '../../contract/tokens.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

/** Creates a token. Its secret is returned once; a repeated request is refused, with the token's id. */
export const tokenCreate = command({
  name: 'token.create',
  about: 'create a token; only this answer contains it',
  method: 'POST',
  path: '/v1/tokens',
  scope: 'control',
  body: tokenCreateSchema,
  output: tokenCreatedSchema,
  confine: refused('make tokens'),
  run: async (input, { domain, coordinator, tokens, caller, once, info }) => {
    if (input.namespace !== null) domain.requireActive(coordinator.state.namespaces, input.namespace);
    let secret: string | undefined;
    const { token: _, ...document } = await once(
      async () => {
        const created = await tokens.create(input, caller.actor, caller.idempotencyKey);
        info(`token ${created.id} was made by ${caller.actor}`);
        secret = created.token;
        return created;
      },
      ({ token: _secret, ...document }) => document,
    );
    if (secret === undefined) throw secretShownBefore(document.id, caller.idempotencyKey!);
    return { ...document, token: secret };
  },
});
