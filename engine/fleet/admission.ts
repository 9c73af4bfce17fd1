import { FleetError } from '../errors.ts';
import type { FleetRecord } from '../record/record.ts';
import { requireActive, ROOT_NAMESPACE } from './namespaces.ts';
import type { FleetState } from './state.ts';

/**
 * Whether the state lets a client's record in.
 * @throws INVALID_RECORD for a namespace that is no text; NAMESPACE_REJECTED.
 */
export function admitRecord(state: FleetState, { body }: FleetRecord): void {
  const namespace = body['namespace'] ?? ROOT_NAMESPACE;
  if (typeof namespace !== 'string')
    throw new FleetError('INVALID_RECORD', 'not a valid record: body.namespace is not text', {
      details: { field: 'body.namespace' },
    });
  admitWork(state, namespace);
}

/** Whether new work may be given in this namespace. @throws NAMESPACE_REJECTED. */
export function admitWork(state: FleetState, namespace: string): void {
  requireActive(state.namespaces, namespace);
}
