import type { EffectivePolicy, NamespaceDocument } from '../contract/documents.ts';
import { POLICY_KINDS, POLICY_LIMITS, type Policy } from '../contract/policy.ts';
import { FleetError } from '../errors.ts';
import type { Variables } from '../subtask/variables.ts';
import { didYouMean, nearestName } from '../domain/model/did-you-mean.ts';
import { requireFanOut } from '../domain/policy/namespace-policy.ts';
import type { Instance, Namespace } from '../domain/model/state.ts';
import type { CompleteSubtask } from '../subtask/subtask.ts';
import { newUsage, type Usages } from '../domain/model/namespace-usage.ts';
import type { Diagnostics, Fix } from './diagnostics.ts';
import type { Written } from './plan-text.ts';

/** A namespace with the facts that the fleet knows of it. */
export interface KnownNamespace extends Pick<NamespaceDocument, 'id' | 'status' | 'archived_by'> {
  /** The frozen namespace that contains this one, or null. */
  readonly frozenBy: string | null;
  /** The effective policy; null if unknown. */
  readonly policy: Pick<EffectivePolicy, 'allow' | 'deny' | 'limits' | 'usage'> | null;
}

/** Reports the reason why a plan's namespace accepts no work now. */
export function checkNamespace(
  written: Written | null,
  known: readonly KnownNamespace[] | null,
  diagnostics: Diagnostics,
): void {
  if (written === null || known === null) return;
  const { value: id, range } = written;
  const found = known.find(each => each.id === id);
  if (found === undefined) return unknownNamespace(written, known, diagnostics);
  if (found.status !== 'active') {
    const link = found.archived_by ?? id;
    const message = `'${link}' is ${found.status}. Make it active again with: spl namespace create ${link}`;
    diagnostics.error('namespace', message, range, offers(written, known));
  } else if (found.frozenBy !== null) {
    const message = `'${id}' is frozen by '${found.frozenBy}'. Lift it with: spl unkill ${found.frozenBy}`;
    diagnostics.error('namespace', message, range, offers(written, known));
  }
}

function unknownNamespace(
  written: Written,
  known: readonly KnownNamespace[],
  diagnostics: Diagnostics,
): void {
  const { value: id, range } = written;
  const near = didYouMean(id, openOnes(known));
  const message = `no namespace '${id}'${near}. Create it with: spl namespace create ${id}`;
  diagnostics.error('namespace', message, range, offers(written, known));
}

/** Returns the namespaces that accept work. */
function openOnes(known: readonly KnownNamespace[]): readonly string[] {
  return known.filter(({ status, frozenBy }) => status === 'active' && frozenBy === null).map(({ id }) => id);
}

/** The most suggestions. */
const MAX_OFFERS = 5;

/** Suggests namespaces: the nearest, then those with the same beginning. */
function offers({ value, range }: Written, known: readonly KnownNamespace[]): readonly Fix[] {
  const open = openOnes(known).filter(id => id !== value);
  const near = nearestName(value, open);
  const [org] = value.split('/');
  const alike = open.filter(id => id !== near && id.split('/')[0] === org);
  return [...(near === undefined ? [] : [near]), ...alike]
    .slice(0, MAX_OFFERS)
    .map(id => ({ title: `Change to '${id}'`, range, text: id }));
}

/** The needs of a plan that its namespace may refuse. */
export interface AskedOfPolicy {
  readonly subtasks: readonly CompleteSubtask[];
  readonly budgetUsd: number | null;
  /** The variables of all subtasks. */
  readonly env: Variables | null;
  readonly workers: readonly { readonly did: string; readonly alias: string }[];
}

/** Returns the reason why policies would refuse a fan-out, by the rules of the engine; null if they allow it. */
export function checkPolicy(
  { id, policy }: KnownNamespace,
  { subtasks, budgetUsd, env, workers }: AskedOfPolicy,
): FleetError | null {
  if (policy === null) return null;
  const instances = new Map(workers.map(worker => [worker.did, worker as unknown as Instance] as const));
  try {
    requireFanOut({ namespaces: registryOf(id, policy), usages: usagesOf(policy) }, id, subtasks, {
      budget_usd: budgetUsd,
      env,
      instances: instances as Parameters<typeof requireFanOut>[3]['instances'],
    });
    return null;
  } catch (thrown) {
    if (FleetError.is(thrown, 'NAMESPACE_REJECTED')) return thrown;
    throw thrown;
  }
}

type Narrowed = NonNullable<KnownNamespace['policy']>;

/** Returns the namespaces whose policies set parts of the effective policy, each with its parts. */
function registryOf(id: string, { allow, deny, limits }: Narrowed): Map<string, Namespace> {
  const policies = new Map<string, { allow: object; deny: object; limits: object }>();
  const at = (level: string): { allow: object; deny: object; limits: object } => {
    const policy = policies.get(level) ?? { allow: {}, deny: {}, limits: {} };
    policies.set(level, policy);
    return policy;
  };
  for (const kind of POLICY_KINDS) {
    const allowed = allow[kind];
    if (allowed !== null) Object.assign(at(allowed.set_by[0] ?? id).allow, { [kind]: allowed.names });
    for (const { name, set_by: level } of deny[kind]) {
      const denied = at(level).deny as Record<string, string[]>;
      denied[kind] = [...(denied[kind] ?? []), name];
    }
  }
  for (const key of POLICY_LIMITS) {
    const limit = limits[key];
    if (limit !== null) Object.assign(at(limit.set_by).limits, { [key]: limit.value });
  }
  const namespace = (policy: Policy): Namespace => ({ status: 'active', description: null, policy });
  return new Map([...policies].map(([level, policy]) => [level, namespace(policy as Policy)]));
}

function usagesOf({ usage }: Narrowed): Usages {
  return new Map(
    usage.map(({ namespace, running, booked_usd: usd }) => {
      const fresh = newUsage();
      const booked = { ...fresh.booked, usd: Math.round(usd * 1_000_000) };
      return [namespace, { ...fresh, running, booked }] as const;
    }),
  );
}
