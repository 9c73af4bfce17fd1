import type { NamespaceCreate } from '../contract/commands.ts';
import type { NamespaceDocument, NamespaceShown, NamespacesDocument } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';
import { RESERVED, type Did } from '../record/ids.ts';
import type { FleetRecord } from '../record/record.ts';
import { TOPIC, topicOf, type NamespaceStatusBody } from './bodies.ts';
import type { Coordinator } from './coordinator.ts';
import type { FleetState, Namespace } from './state.ts';

/** The namespace above all others: always there, and what a record that names none is in. */
export const ROOT_NAMESPACE = 'default';

const LEVELS = ['DEFAULT', 'ORG', 'PROJECT', 'ENV', 'JOB'] as const;
const SEGMENT = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MAX_ID_CHARS = 256;

type Registry = FleetState['namespaces'];

/** A namespace and what lies above it, up to `default`: `a/b`, `a`, `default`. */
export function chainOf(id: string): readonly string[] {
  const chain: string[] = [];
  for (let at = id; at !== ROOT_NAMESPACE; at = parentOf(at)) chain.push(at);
  return [...chain, ROOT_NAMESPACE];
}

/** Whether one namespace is the other, or lies below it. */
export function isWithin(id: string, ancestor: string): boolean {
  return ancestor === ROOT_NAMESPACE || id === ancestor || id.startsWith(`${ancestor}/`);
}

/**
 * The narrowing rule: a namespace can be claimed when it and everything above it is registered and active.
 * @throws NAMESPACE_REJECTED naming the claimed id and the link that fails, the highest of several.
 */
export function requireActive(registry: Registry, claimed: string): void {
  const fault = faultOf(claimed);
  if (fault !== undefined) throw rejected(claimed, claimed, `'${shortened(claimed)}' ${fault}`);
  const failing = [...chainOf(claimed)].reverse().find(link => !isActive(registry, link));
  if (failing === undefined) return;
  const isMissing = !registry.has(failing);
  throw rejected(
    claimed,
    failing,
    isMissing ? `'${failing}' is not registered` : `'${failing}' is archived`,
    `Create it with: ${commandOf(failing)}`,
  );
}

/**
 * Registers a namespace, or registers it anew with another description. One that is there as it is wanted is no error.
 * @throws INVALID_RECORD for an id that is none; NAMESPACE_REJECTED when its parent is not there.
 */
export function createNamespace(
  coordinator: Coordinator,
  { id, description }: NamespaceCreate,
  issuer: { readonly actor: Did; readonly now: number },
): NamespaceDocument {
  const { namespaces } = coordinator.state;
  requireCreatable(id);
  requireParent(namespaces, id);
  const known = namespaces.get(id);
  const isAsWanted =
    known?.status === 'active' && (description === null || description === known.description);
  if (!isAsWanted) {
    const body: NamespaceStatusBody = {
      topic: TOPIC.namespaceStatus,
      id,
      status: 'active',
      description: description ?? known?.description ?? null,
      issued_by: issuer.actor,
    };
    coordinator.write({ act: 'LEARN', thread: RESERVED.namespaceRegistry, body }, issuer.now);
  }
  return documentOf(namespaces, id);
}

/** Applies a record of the registry: of several about one namespace, the latest counts. */
export function applyNamespace(state: FleetState, record: FleetRecord): void {
  if (topicOf(record) !== TOPIC.namespaceStatus) return;
  const { id, status, description } = record.body as unknown as NamespaceStatusBody;
  state.namespaces.set(id, { status, description: description ?? null });
}

/** All of them: `default`, then the others in the order of their names, each below its parent. */
export function namespacesDocument(registry: Registry): NamespacesDocument {
  const ids = [...registry.keys()].sort(byPath);
  return {
    namespaces: [ROOT_NAMESPACE, ...ids].map(id => documentOf(registry, id)),
    explicit: ids.length,
  };
}

/** One of them, with what lies above it. @throws NOT_FOUND */
export function namespaceDocument(registry: Registry, id: string): NamespaceShown {
  if (id !== ROOT_NAMESPACE && !registry.has(id))
    throw new FleetError('NOT_FOUND', `namespace '${shortened(id)}' is not registered`, {
      details: { namespace: id },
      hint: faultOf(id) === undefined ? `Create it with: ${commandOf(id)}` : LIST_HINT,
    });
  return {
    ...documentOf(registry, id),
    chain: chainOf(id).map(link => ({ id: link, active: isActive(registry, link) })),
  };
}

const LIST_HINT = 'List them with: spl namespace list';

function documentOf(registry: Registry, id: string): NamespaceDocument {
  const { status, description }: Namespace = registry.get(id) ?? { status: 'active', description: null };
  const depth = depthOf(id);
  return { id, status, level: LEVELS[depth]!, depth, description };
}

const isActive = (registry: Registry, id: string): boolean =>
  id === ROOT_NAMESPACE || registry.get(id)?.status === 'active';

const parentOf = (id: string): string =>
  id.includes('/') ? id.slice(0, id.lastIndexOf('/')) : ROOT_NAMESPACE;

const depthOf = (id: string): number => (id === ROOT_NAMESPACE ? 0 : id.split('/').length);

const commandOf = (id: string): string => `spl namespace create ${id}`;

const shortened = (id: string): string => (id.length > 80 ? `${id.slice(0, 80)}…` : id);

/** By segments: a child stands right below its parent, whatever sign a name goes on with. */
function byPath(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((segment, i) => segment !== right[i]);
  if (at < 0) return left.length - right.length;
  return right[at] !== undefined && left[at]! < right[at] ? -1 : 1;
}

/** What is wrong with an id, or undefined. */
function faultOf(id: string): string | undefined {
  if (id === ROOT_NAMESPACE) return undefined;
  const segments = id.split('/');
  if (id.length > MAX_ID_CHARS) return `has more than ${MAX_ID_CHARS} characters`;
  if (segments.length >= LEVELS.length)
    return `has ${segments.length} levels; the most are ${LEVELS.length - 1}`;
  if (segments[0] === ROOT_NAMESPACE) return `begins with '${ROOT_NAMESPACE}', which goes without saying`;
  const wrong = segments.find(segment => !SEGMENT.test(segment));
  return wrong === undefined
    ? undefined
    : `has the segment '${shortened(wrong)}', which is not 1 to 63 of a-z 0-9 _ - beginning with a letter or digit`;
}

function requireCreatable(id: string): void {
  const fault = id === ROOT_NAMESPACE ? 'is always there, and can be neither made nor changed' : faultOf(id);
  if (fault !== undefined)
    throw new FleetError('INVALID_RECORD', `namespace '${shortened(id)}' ${fault}`, {
      details: { namespace: id },
      hint: 'Write up to four segments with / between: acme/web/staging',
    });
}

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
