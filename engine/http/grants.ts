import type { Grant, Scope } from '../contract/tokens.ts';
import { FleetError } from '../errors.ts';
import type { RouteName } from '../operations/routes.ts';

/**
 * The holder that a request comes from. `root` has the socket or the home's own token, and may do everything; `anyone` has shown
 * nothing, and may only ask for the health.
 */
export type Holder = 'root' | 'anyone' | Grant;

/** The scope that a token needs for each route; null where none is needed. */
export const SCOPE_OF: Readonly<Record<RouteName, Scope | null>> = {
  health: null,
  fleet: 'read',
  live: 'read',
  instance: 'read',
  ping: 'read',
  tasks: 'read',
  task: 'read',
  join: 'read',
  children: 'read',
  speedup: 'read',
  namespaces: 'read',
  worktrees: 'read',
  namespace: 'read',
  'namespace.effective': 'read',
  record: 'read',
  records: 'read',
  audit: 'read',
  threads: 'read',
  'thread.records': 'read',
  'thread.state': 'read',
  replay: 'read',
  query: 'read',
  events: 'read',
  output: 'read',
  openapi: 'read',
  'records.append': 'write',
  'records.restore': 'write',
  'task.add': 'write',
  'fan-out.open': 'write',
  'task.fan-out': 'write',
  'task.retry': 'write',
  'task.cancel': 'write',
  'task.start': 'write',
  'task.done': 'write',
  'task.fail': 'write',
  'task.approve': 'write',
  'task.reject': 'write',
  'task.block': 'write',
  'task.defer': 'write',
  'task.reopen': 'write',
  'task.run-serial': 'write',
  'worktree.remove': 'write',
  'rule.add': 'control',
  'rule.remove': 'control',
  rules: 'read',
  'rule.test': 'read',
  'namespace.create': 'control',
  'namespace.archive': 'control',
  'namespace.delete': 'control',
  kill: 'control',
  unkill: 'control',
  'fleet.start': 'control',
  'fleet.stop': 'control',
  'fleet.restart': 'control',
  tokens: 'control',
  'token.create': 'control',
  'token.revoke': 'control',
};

/** @throws SCOPE_FORBIDDEN naming the scope that is missing; AUTH_REQUIRED for whoever has shown nothing. */
export function requireScope(holder: Holder, route: RouteName): void {
  const scope = SCOPE_OF[route];
  if (holder === 'root' || scope === null) return;
  if (holder === 'anyone') throw new FleetError('AUTH_REQUIRED', 'no token was given');
  // The other two include it.
  if (scope === 'read' || holder.scopes.includes(scope)) return;
  throw new FleetError('SCOPE_FORBIDDEN', `the token has no scope '${scope}'`, {
    details: { scope, scopes: holder.scopes },
    hint: `Use a token that has it: spl token create --scope ${scope}`,
  });
}
