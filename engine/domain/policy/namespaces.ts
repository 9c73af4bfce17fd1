import type { NamespaceDocument, NamespaceShown, NamespacesDocument } from '../../contract/documents.ts';
import {
  chainOf,
  NAMESPACE_LEVELS,
  namespaceFault,
  parentOf,
  ROOT_NAMESPACE,
  shortened,
} from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import type { FleetRecord } from '../../record/record.ts';
import { TOPIC, topicOf, type NamespaceStatusBody } from '../model/record-bodies.ts';
import type { FleetState, Namespace } from '../model/state.ts';

export type Registry = FleetState['namespaces'];

/**
 * Applies the narrowing rule: a namespace can be claimed if its whole chain is registered and active.
 * @throws NAMESPACE_REJECTED naming the claimed id and the highest link that fails
 */
export function requireActive(registry: Registry, claimed: string): void {
  const fault = namespaceFault(claimed);
  if (fault !== undefined) throw rejected(claimed, claimed, `'${shortened(claimed)}' ${fault}`);
  const failing = rootFirst(claimed).find(link => !isActive(registry, link));
  if (failing === undefined) return;
  const status = registry.get(failing)?.status ?? 'missing';
  const [what, wayOut] = FAULTS[status as keyof typeof FAULTS];
  throw rejected(claimed, failing, `'${failing}' ${what}`, `${wayOut}: ${commandOf(failing)}`);
}

const FAULTS = {
  missing: ['is not registered', 'Create it with'],
  archived: ['is archived', 'Make it active again with'],
  deleted: ['was deleted', 'Create it again with'],
} as const;

/**
 * Returns the highest archived or deleted link of the chain, in which nothing may start. A missing link does not count.
 */
export function closedLink(registry: Registry, id: string): string | undefined {
  if (registry.size === 0) return undefined;
  return rootFirst(id).find(link => registry.has(link) && !isActive(registry, link));
}

/** Applies a record of the registry. The latest of several about one namespace counts. */
export function applyNamespace(state: FleetState, record: FleetRecord): void {
  if (topicOf(record) !== TOPIC.namespaceStatus) return;
  const { id, status, description, policy } = record.body as unknown as NamespaceStatusBody;
  state.namespaces.set(id, { status, description: description ?? null, policy: policy ?? null });
}

/** The input of a listing of namespaces. */
interface NamespaceListing {
  /** Includes deleted ones. */
  readonly all?: boolean;
  /** Lists only the namespaces directly below it: at most `limit`, starting at number `offset`. */
  readonly parent?: string;
  readonly offset?: number;
  readonly limit?: number;
}

/**
 * Returns `default`, then the others sorted by name with each below its parent; or a page of those directly below one.
 */
export function namespacesDocument(
  registry: Registry,
  { all = false, parent, offset = 0, limit = Infinity }: NamespaceListing = {},
): NamespacesDocument {
  const ids = [...registry.keys()]
    .filter(id => (parent === undefined || parentOf(id) === parent) && (all || !isGone(registry, id)))
    .sort(byPath);
  const shown = parent === undefined ? [ROOT_NAMESPACE, ...ids] : ids.slice(offset, offset + limit);
  const counts = childCounts(registry);
  return { namespaces: shown.map(id => namespaceRow(registry, id, counts)), explicit: ids.length };
}

/** Returns one namespace with its ancestors. @throws NOT_FOUND */
export function namespaceDocument(registry: Registry, id: string): NamespaceShown {
  if (id !== ROOT_NAMESPACE && !registry.has(id)) throw notRegistered(id);
  return {
    ...namespaceRow(registry, id),
    chain: chainOf(id).map(link => ({ id: link, active: isActive(registry, link) })),
  };
}

export const LIST_HINT = 'List them with: spl namespace list';

/** Returns one namespace as lists show it. */
export function namespaceRow(
  registry: Registry,
  id: string,
  counts = childCounts(registry),
): NamespaceDocument {
  const own: Namespace = registry.get(id) ?? ALWAYS_THERE;
  const depth = depthOf(id);
  const closed = closedLink(registry, id);
  return {
    id,
    status: closed === undefined ? 'active' : 'archived',
    own_status: own.status,
    archived_by: closed ?? null,
    level: NAMESPACE_LEVELS[depth]!,
    depth,
    description: own.description,
    policy: own.policy,
    children: counts.get(id) ?? 0,
  };
}

/** Counts the namespaces directly below each that were not deleted. */
function childCounts(registry: Registry): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [id, { status }] of registry)
    if (status !== 'deleted') counts.set(parentOf(id), (counts.get(parentOf(id)) ?? 0) + 1);
  return counts;
}

const ALWAYS_THERE: Namespace = { status: 'active', description: null, policy: null };

/** Returns the chain from `default` down, so that the highest failing link comes first. */
const rootFirst = (id: string): string[] => [...chainOf(id)].reverse();

/** Returns true when the namespace or an ancestor was deleted. */
const isGone = (registry: Registry, id: string): boolean =>
  chainOf(id).some(link => registry.get(link)?.status === 'deleted');

export const isActive = (registry: Registry, id: string): boolean =>
  id === ROOT_NAMESPACE || registry.get(id)?.status === 'active';

const depthOf = (id: string): number => (id === ROOT_NAMESPACE ? 0 : id.split('/').length);

/** Returns the command that registers a namespace or reactivates it. */
export const commandOf = (id: string): string => `spl namespace create ${id}`;

/** Compares by segments, so that a child follows its parent whatever characters other names have. */
export function byPath(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((segment, i) => segment !== right[i]);
  if (at < 0) return left.length - right.length;
  return right[at] !== undefined && left[at]! < right[at] ? -1 : 1;
}

export function notRegistered(id: string): FleetError {
  return new FleetError('NOT_FOUND', `namespace '${shortened(id)}' is not registered`, {
    details: { namespace: id },
    hint: namespaceFault(id) === undefined ? `Create it with: ${commandOf(id)}` : LIST_HINT,
  });
}

function rejected(claimed: string, failing: string, why: string, hint = LIST_HINT): FleetError {
  return new FleetError('NAMESPACE_REJECTED', `namespace '${shortened(claimed)}' is rejected: ${why}`, {
    details: { namespace: claimed, failing },
    hint,
  });
}
