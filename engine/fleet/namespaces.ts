import type { NamespaceCreate } from '../contract/commands.ts';
import type { NamespaceDocument, NamespaceShown, NamespacesDocument } from '../contract/documents.ts';
import type { Reports } from '../contract/engine.ts';
import {
  chainOf,
  isWithin,
  NAMESPACE_LEVELS,
  namespaceFault,
  parentOf,
  ROOT_NAMESPACE,
  shortened,
} from '../contract/namespaces.ts';
import { FleetError } from '../errors.ts';
import { canonical } from '../record/canonical.ts';
import { RESERVED, type Did } from '../record/ids.ts';
import type { FleetRecord } from '../record/record.ts';
import { TOPIC, topicOf, type NamespaceStatusBody } from './bodies.ts';
import type { Coordinator } from './coordinator.ts';
import type { FleetState, Namespace, Task } from './state.ts';
import { endOf } from './tasks.ts';

type Registry = FleetState['namespaces'];

/**
 * The narrowing rule: a namespace can be claimed when it and everything above it is registered and active.
 * @throws NAMESPACE_REJECTED naming the claimed id and the link that fails, the highest of several.
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

/** The highest link of the chain that was archived or deleted: nothing may start there. One that is missing is none. */
export function closedLink(registry: Registry, id: string): string | undefined {
  if (registry.size === 0) return undefined;
  return rootFirst(id).find(link => registry.has(link) && !isActive(registry, link));
}

/** Who asks for a change, and when. */
interface Issuer {
  readonly actor: Did;
  readonly now: number;
}

/**
 * Registers a namespace, makes one active again that was archived, or gives it another description or policy. One that is
 * there as it is wanted is no error.
 * @throws INVALID_RECORD for an id that is none; NAMESPACE_REJECTED when its parent is not there.
 */
export function createNamespace(
  coordinator: Coordinator,
  { id, description, policy }: NamespaceCreate,
  issuer: Issuer,
): NamespaceDocument {
  const { namespaces } = coordinator.state;
  requireCreatable(id);
  requireParent(namespaces, id);
  const known = namespaces.get(id);
  const wanted: Namespace = {
    status: 'active',
    description: description ?? known?.description ?? null,
    policy: policy ?? known?.policy ?? null,
  };
  if (known === undefined || canonical(known) !== canonical(wanted)) write(coordinator, id, wanted, issuer);
  return documentOf(namespaces, id);
}

/**
 * Closes a namespace, and with it all below it: no new work is let in, and nothing starts; what runs drains. One that is
 * archived is no error.
 * @throws INVALID_RECORD for `default`; NOT_FOUND.
 */
export function archiveNamespace(coordinator: Coordinator, id: string, issuer: Issuer): NamespaceDocument {
  const { namespaces } = coordinator.state;
  const known = requireKnown(namespaces, id);
  if (known.status === 'active') write(coordinator, id, { ...known, status: 'archived' }, issuer);
  return documentOf(namespaces, id);
}

/**
 * Archives a namespace, forgets what it was for, and lists it no more, nor what lies below it.
 * @throws INVALID_RECORD for `default`; NOT_FOUND; CONFLICT while one below it is active, or a task in it is not finished.
 */
export function deleteNamespace(coordinator: Coordinator, id: string, issuer: Issuer): NamespaceDocument {
  const { state } = coordinator;
  requireKnown(state.namespaces, id);
  refuseActiveBelow(state.namespaces, id);
  refuseOpenWork(state, id);
  write(coordinator, id, { status: 'deleted', description: null, policy: null }, issuer);
  return documentOf(state.namespaces, id);
}

/** Applies a record of the registry: of several about one namespace, the latest counts. */
export function applyNamespace(state: FleetState, record: FleetRecord): void {
  if (topicOf(record) !== TOPIC.namespaceStatus) return;
  const { id, status, description, policy } = record.body as unknown as NamespaceStatusBody;
  state.namespaces.set(id, { status, description: description ?? null, policy: policy ?? null });
}

/** `default`, then the others in the order of their names, each below its parent; or a page of those right below one. */
export function namespacesDocument(
  registry: Registry,
  { all = false, parent, offset = 0, limit = Infinity }: Reports['namespaces']['input'] = {},
): NamespacesDocument {
  const ids = [...registry.keys()]
    .filter(id => (parent === undefined || parentOf(id) === parent) && (all || !isGone(registry, id)))
    .sort(byPath);
  const shown = parent === undefined ? [ROOT_NAMESPACE, ...ids] : ids.slice(offset, offset + limit);
  const counts = childCounts(registry);
  return { namespaces: shown.map(id => documentOf(registry, id, counts)), explicit: ids.length };
}

/** One of them, with what lies above it. @throws NOT_FOUND */
export function namespaceDocument(registry: Registry, id: string): NamespaceShown {
  if (id !== ROOT_NAMESPACE && !registry.has(id)) throw notRegistered(id);
  return {
    ...documentOf(registry, id),
    chain: chainOf(id).map(link => ({ id: link, active: isActive(registry, link) })),
  };
}

const LIST_HINT = 'List them with: spl namespace list';

function documentOf(registry: Registry, id: string, counts = childCounts(registry)): NamespaceDocument {
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

/** How many that were not deleted lie right below each. */
function childCounts(registry: Registry): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [id, { status }] of registry)
    if (status !== 'deleted') counts.set(parentOf(id), (counts.get(parentOf(id)) ?? 0) + 1);
  return counts;
}

const ALWAYS_THERE: Namespace = { status: 'active', description: null, policy: null };

/** Writes down what holds for a namespace from now on; what waits in it may start, or may not any more. */
function write(coordinator: Coordinator, id: string, wanted: Namespace, { actor, now }: Issuer): void {
  const isNew = !coordinator.state.namespaces.has(id);
  const body: NamespaceStatusBody = { topic: TOPIC.namespaceStatus, id, ...wanted, issued_by: actor };
  coordinator.write({ act: 'LEARN', thread: RESERVED.namespaceRegistry, body }, now);
  if (isNew) coordinator.noteNamespace(id);
  else coordinator.controlChanged(id, now);
}

/** The chain from `default` down: of several links that fail, the highest is met first. */
const rootFirst = (id: string): string[] => [...chainOf(id)].reverse();

/** Whether it, or one above it, was deleted. */
const isGone = (registry: Registry, id: string): boolean =>
  chainOf(id).some(link => registry.get(link)?.status === 'deleted');

const isActive = (registry: Registry, id: string): boolean =>
  id === ROOT_NAMESPACE || registry.get(id)?.status === 'active';

const depthOf = (id: string): number => (id === ROOT_NAMESPACE ? 0 : id.split('/').length);

/** The command that registers a namespace, or makes it active again. */
export const commandOf = (id: string): string => `spl namespace create ${id}`;

/** By segments: a child stands right below its parent, whatever sign a name goes on with. */
function byPath(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((segment, i) => segment !== right[i]);
  if (at < 0) return left.length - right.length;
  return right[at] !== undefined && left[at]! < right[at] ? -1 : 1;
}

function requireCreatable(id: string): void {
  const fault =
    id === ROOT_NAMESPACE ? 'is always there, and can be neither made nor changed' : namespaceFault(id);
  if (fault !== undefined)
    throw new FleetError('INVALID_RECORD', `namespace '${shortened(id)}' ${fault}`, {
      details: { namespace: id },
      hint: 'Write up to four segments with / between: acme/web/staging',
    });
}

/** @throws INVALID_RECORD for `default`; NOT_FOUND for one that was never registered, or was deleted. */
function requireKnown(registry: Registry, id: string): Namespace {
  if (id === ROOT_NAMESPACE)
    throw new FleetError(
      'INVALID_RECORD',
      `namespace '${id}' is always there, and can be neither changed nor archived`,
      {
        details: { namespace: id },
        hint: LIST_HINT,
      },
    );
  const known = registry.get(id);
  if (known === undefined || known.status === 'deleted') throw notRegistered(id);
  return known;
}

function notRegistered(id: string): FleetError {
  return new FleetError('NOT_FOUND', `namespace '${shortened(id)}' is not registered`, {
    details: { namespace: id },
    hint: namespaceFault(id) === undefined ? `Create it with: ${commandOf(id)}` : LIST_HINT,
  });
}

function refuseActiveBelow(registry: Registry, id: string): void {
  const below = [...registry.keys()].filter(
    each => each !== id && isWithin(each, id) && isActive(registry, each),
  );
  if (below.length === 0) return;
  const [first, leaf] = [below.sort(byPath)[0]!, below.at(-1)!];
  throw new FleetError(
    'CONFLICT',
    `namespace '${id}' can't be deleted: ${below.length} below it ${below.length === 1 ? 'is' : 'are'} active, as '${first}' is`,
    {
      details: { namespace: id, active: below.slice(0, 100) },
      hint: `Delete what lies below it first: spl namespace delete ${leaf}`,
    },
  );
}

function refuseOpenWork(state: FleetState, id: string): void {
  const open = [...state.tasks.values()].filter(
    task => isWithin(namespaceOf(task), id) && (endOf(task) === null || state.open.has(task.thread)),
  );
  const [first] = open;
  if (first === undefined) return;
  throw new FleetError(
    'CONFLICT',
    `namespace '${id}' can't be deleted: ${open.length === 1 ? 'a task' : `${open.length} tasks`} in it ${open.length === 1 ? 'is' : 'are'} not finished, as '${first.alias}' is not`,
    {
      details: { namespace: id, tasks: open.slice(0, 100).map(({ alias }) => alias) },
      hint: `Let it end, or end it: spl task cancel ${first.alias}; or only archive it: spl namespace archive ${id}`,
    },
  );
}

/** Where a task's work is: its fan-out may lie below it. */
const namespaceOf = (task: Task): string => task.fanOutHead?.namespace ?? task.facts.namespace;

function requireParent(registry: Registry, id: string): void {
  const parent = parentOf(id);
  if (chainOf(parent).every(link => isActive(registry, link))) return;
  throw new FleetError('NAMESPACE_REJECTED', `parent namespace '${parent}' does not exist or is not active`, {
    details: { namespace: id, parent },
    hint: `Create the parent first: ${commandOf(parent)}`,
  });
}

function rejected(claimed: string, failing: string, why: string, hint = LIST_HINT): FleetError {
  return new FleetError('NAMESPACE_REJECTED', `namespace '${shortened(claimed)}' is rejected: ${why}`, {
    details: { namespace: claimed, failing },
    hint,
  });
}
