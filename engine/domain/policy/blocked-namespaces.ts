import { describeFreeze, frozenFor, isFrozen } from './freeze.ts';
import type { FrozenNamespace } from '../model/messages.ts';
import { closedLink, commandOf } from './namespaces.ts';
import type { FleetState } from '../model/state.ts';

/**
 * The causes that block a namespace: a freeze there or above, the emergency stop, or an archived namespace in its
 * chain. All code that starts or assigns work, or explains why it waits, uses these functions.
 */
type Holding = Pick<FleetState, 'freezes' | 'emergency' | 'namespaces'>;

/** Returns true when nothing may be assigned or start in this namespace. */
export function isBlocked(state: Holding, namespace: string): boolean {
  return isFrozen(state, namespace) || closedLink(state.namespaces, namespace) !== undefined;
}

/** Explains why a namespace is blocked, and how to unblock it. */
export function describeBlock(state: Holding, namespace: string): string {
  const closed = closedLink(state.namespaces, namespace);
  if (closed === undefined) return describeFreeze(state, namespace);
  return `${describeArchived(closed)}; make it active again with: ${commandOf(closed)}`;
}

/** Returns the blocked namespaces that a worker must know: all frozen ones, and archived ones with open work. */
export function blockedFor(state: Holding & OpenWork, now: number): readonly FrozenNamespace[] {
  const closed = new Set<string>();
  if (state.namespaces.size > 0)
    for (const thread of state.open) {
      const link = closedLink(state.namespaces, state.tasks.get(thread)!.fanOutHead!.namespace);
      if (link !== undefined) closed.add(link);
    }
  const archived = [...closed].map(namespace => ({
    namespace,
    words: describeArchived(namespace),
    endsInMs: null,
  }));
  return [...frozenFor(state, now), ...archived];
}

type OpenWork = Pick<FleetState, 'open' | 'tasks'>;

const describeArchived = (namespace: string): string => `namespace '${namespace}' is archived`;
