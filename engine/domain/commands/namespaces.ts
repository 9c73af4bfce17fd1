import type { NamespaceCreate } from '../../contract/commands.ts';
import type { NamespaceDocument } from '../../contract/documents.ts';
import {
  chainOf,
  isWithin,
  namespaceFault,
  parentOf,
  ROOT_NAMESPACE,
  shortened,
} from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import { canonical } from '../../record/canonical.ts';
import { RESERVED, type Did } from '../../record/ids.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { TOPIC, type NamespaceStatusBody } from '../model/record-bodies.ts';
import type { FleetState, Namespace, Task } from '../model/state.ts';
import { endOf } from '../model/tasks.ts';
import {
  byPath,
  commandOf,
  isActive,
  LIST_HINT,
  namespaceRow,
  notRegistered,
  type Registry,
} from '../policy/namespaces.ts';

/** The author and the time of a change. */
interface Issuer {
  readonly actor: Did;
  readonly now: number;
}

/**
 * Registers a namespace, reactivates an archived one, or changes its description or policy. A namespace that already is
 * as requested is not an error.
 * @throws INVALID_RECORD for an invalid id; NAMESPACE_REJECTED for a missing parent
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
  return namespaceRow(namespaces, id);
}

/**
 * Archives a namespace with all below it: new work is refused, nothing starts, and running work drains. Archiving an
 * archived namespace is not an error.
 * @throws INVALID_RECORD for `default`; NOT_FOUND
 */
export function archiveNamespace(coordinator: Coordinator, id: string, issuer: Issuer): NamespaceDocument {
  const { namespaces } = coordinator.state;
  const known = requireKnown(namespaces, id);
  if (known.status === 'active') write(coordinator, id, { ...known, status: 'archived' }, issuer);
  return namespaceRow(namespaces, id);
}

/**
 * Archives a namespace, removes its description and policy, and removes it and all below it from lists.
 * @throws INVALID_RECORD for `default`; NOT_FOUND; CONFLICT while a namespace below it is active, or a task in it is
 * unfinished
 */
export function deleteNamespace(coordinator: Coordinator, id: string, issuer: Issuer): NamespaceDocument {
  const { state } = coordinator;
  requireKnown(state.namespaces, id);
  refuseActiveBelow(state.namespaces, id);
  refuseOpenWork(state, id);
  write(coordinator, id, { status: 'deleted', description: null, policy: null }, issuer);
  return namespaceRow(state.namespaces, id);
}

/** Writes the status and policy of a namespace, which may change what may start there. */
function write(coordinator: Coordinator, id: string, wanted: Namespace, { actor, now }: Issuer): void {
  const isNew = !coordinator.state.namespaces.has(id);
  const body: NamespaceStatusBody = { topic: TOPIC.namespaceStatus, id, ...wanted, issued_by: actor };
  coordinator.write({ act: 'LEARN', thread: RESERVED.namespaceRegistry, body }, now);
  if (isNew) coordinator.noteNamespace(id);
  else coordinator.controlChanged(id, now);
}

function requireCreatable(id: string): void {
  const fault = id === ROOT_NAMESPACE ? "always exists, and can't be created or changed" : namespaceFault(id);
  if (fault !== undefined)
    throw new FleetError('INVALID_RECORD', `namespace '${shortened(id)}' ${fault}`, {
      details: { namespace: id },
      hint: 'Use up to four segments separated by /: acme/web/staging',
    });
}

/** @throws INVALID_RECORD for `default`; NOT_FOUND for a namespace that was never registered, or was deleted */
function requireKnown(registry: Registry, id: string): Namespace {
  if (id === ROOT_NAMESPACE)
    throw new FleetError(
      'INVALID_RECORD',
      `namespace '${id}' always exists, and can't be changed or archived`,
      {
        details: { namespace: id },
        hint: LIST_HINT,
      },
    );
  const known = registry.get(id);
  if (known === undefined || known.status === 'deleted') throw notRegistered(id);
  return known;
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
      hint: `Wait for it, or cancel it: spl task cancel ${first.alias}; or archive the namespace instead: spl namespace archive ${id}`,
    },
  );
}

/** Returns the namespace of a task's work: that of its fan-out, which may be below the task's own. */
const namespaceOf = (task: Task): string => task.fanOutHead?.namespace ?? task.facts.namespace;

function requireParent(registry: Registry, id: string): void {
  const parent = parentOf(id);
  if (chainOf(parent).every(link => isActive(registry, link))) return;
  throw new FleetError('NAMESPACE_REJECTED', `parent namespace '${parent}' does not exist or is not active`, {
    details: { namespace: id, parent },
    hint: `Create the parent first: ${commandOf(parent)}`,
  });
}
