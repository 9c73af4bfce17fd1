import type { Grant } from '../contract/tokens.ts';
import { FleetError } from '../errors.ts';
import type { Operation } from '../operations/operation.ts';

/**
 * The holder of a request. `root` uses the socket or the home's own token, and may do everything. `anyone` has shown no
 * token, and may only ask for the health.
 */
export type Holder = 'root' | 'anyone' | Grant;

/** @throws SCOPE_FORBIDDEN with the missing scope; AUTH_REQUIRED for `anyone` */
export function requireScope(holder: Holder, { scope }: Operation): void {
  if (holder === 'root' || scope === null) return;
  if (holder === 'anyone') throw new FleetError('AUTH_REQUIRED', 'the request has no token');
  // The other two scopes include `read`.
  if (scope === 'read' || holder.scopes.includes(scope)) return;
  throw new FleetError('SCOPE_FORBIDDEN', `the token has no scope '${scope}'`, {
    details: { scope, scopes: holder.scopes },
    hint: `Use a token that has it: spl token create --scope ${scope}`,
  });
}
