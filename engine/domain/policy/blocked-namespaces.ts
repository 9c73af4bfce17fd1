import { freezeWords, frozenFor, isFrozen } from './freeze.ts';
import type { FrozenNamespace } from '../model/messages.ts';
import { closedLink, commandOf } from './namespaces.ts';
import type { FleetState } from '../model/state.ts';

/**
 * The causes that keep a namespace from starting anything: a freeze there or above it, the emergency stop, or that it,
 * or a namespace above it, is archived. Code that starts work, gives it out or explains why it waits asks here.
 */
type Holding = Pick<FleetState, 'freezes' | 'emergency' | 'namespaces'>;

/** Tells whether nothing may be given out or start in this namespace. */
export function isBlocked(state: Holding, namespace: string): boolean {
  return isFrozen(state, namespace) || closedLink(state.namespaces, namespace) !== undefined;
}

/** The words for what keeps a blocked namespace from starting anything, with the way out. */
export function blockWords(state: Holding, namespace: string): string {
  const closed = closedLink(state.namespaces, namespace);
  if (closed === undefined) return freezeWords(state, namespace);
  return `${archivedWords(closed)}; make it active again with: ${commandOf(closed)}`;
}

/** Returns what a worker has to know: all that is frozen, and the archived namespaces that have work. */
export function blockedFor(state: Holding & OpenWork, now: number): readonly FrozenNamespace[] {
  const closed = new Set<string>();
  if (state.namespaces.size > 0)
    for (const thread of state.open) {
      const link = closedLink(state.namespaces, state.tasks.get(thread)!.fanOutHead!.namespace);
      if (link !== undefined) closed.add(link);
    }
  const archived = [...closed].map(namespace => ({
    namespace,
    words: archivedWords(namespace),
    endsInMs: null,
  }));
  return [...frozenFor(state, now), ...archived];
}

type OpenWork = Pick<FleetState, 'open' | 'tasks'>;

const archivedWords = (namespace: string): string => `namespace '${namespace}' is archived`;
