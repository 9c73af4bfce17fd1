import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import type { FleetRecord } from '../../record/record.ts';
import { requireNotFrozen } from './freeze.ts';
import { requireActive } from './namespaces.ts';
import { requireAct } from './namespace-policy.ts';
import type { CelCompiler } from '../model/predicate.ts';
import { requirePermitted } from './permission-rules.ts';
import type { FleetState } from '../model/state.ts';

/**
 * Checks that the state admits a client's record.
 * @throws INVALID_RECORD for a namespace that is not a text
 * @throws NAMESPACE_REJECTED; NAMESPACE_FROZEN; SCOPE_FORBIDDEN by a rule
 */
export function admitRecord(state: FleetState, record: FleetRecord, cel: CelCompiler, now: number): void {
  const { act, body } = record;
  const namespace = body['namespace'] ?? ROOT_NAMESPACE;
  if (typeof namespace !== 'string')
    throw new FleetError('INVALID_RECORD', 'not a valid record: body.namespace is not text', {
      details: { field: 'body.namespace' },
    });
  requireActive(state.namespaces, namespace);
  requireNotFrozen(state, namespace, act, now);
  requireAct(state.namespaces, namespace, act);
  requirePermitted(state, cel, { ...record, namespace });
}

/** Checks that new work is allowed in this namespace. @throws NAMESPACE_REJECTED, NAMESPACE_FROZEN */
export function admitWork(state: FleetState, namespace: string, now: number): void {
  requireActive(state.namespaces, namespace);
  requireNotFrozen(state, namespace, 'INTEND', now);
  requireAct(state.namespaces, namespace, 'INTEND');
}
