import type { FleetDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { isWithin } from '../../engine/contract/namespaces.ts';

type Freeze = FleetDocument['freezes'][number];

/**
 * A hold of the kill switch. Nothing may start in its namespace and below; for the emergency stop, nothing may start
 * anywhere.
 */
export interface Hold extends Pick<Freeze, 'reason' | 'issued_by' | 'issued_at_unix'> {
  /** Null for the emergency stop. */
  readonly namespace: string | null;
  /** `soft` or `hard`; null for the emergency stop. */
  readonly level: string | null;
}

/** Returns all holds, the emergency stop first. */
export function holdsOf(fleet: FleetDocument | undefined): readonly Hold[] {
  if (fleet === undefined) return [];
  const { emergency, freezes } = fleet;
  const stop = emergency === null ? [] : [{ ...emergency, namespace: null, level: null }];
  return [...stop, ...freezes];
}

/** Returns true if nothing may start in this namespace. */
export function isHeld(holds: readonly Hold[], namespace: string): boolean {
  return holds.some(({ namespace: held }) => held === null || isWithin(namespace, held));
}

/**
 * Returns true if this task has a fan-out under way that may start nothing. The fan-out's namespace may lie below the
 * task's.
 */
export function isFrozen(fleet: FleetDocument | undefined, { fan_out: fanOut }: TaskDocument): boolean {
  return fanOut?.under_way === true && isHeld(holdsOf(fleet), fanOut.namespace);
}
