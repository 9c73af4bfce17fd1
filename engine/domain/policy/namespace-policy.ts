import type { EffectivePolicy } from '../../contract/documents.ts';
import { budgetAmount, plural } from '../../contract/format.ts';
import { chainOf } from '../../contract/namespaces.ts';
import {
  POLICY_KINDS,
  POLICY_LIMITS,
  type Policy,
  type PolicyKind,
  type PolicyLimit,
} from '../../contract/policy.ts';
import { FleetError } from '../../errors.ts';
import type { Variables } from '../../subtask/variables.ts';
import type { Act } from '../../record/record.ts';
import {
  limitedTo,
  reserve,
  whyNeverAffordable,
  type Budgeted,
  type LimitedAccount,
} from '../model/budgets.ts';
import { namespaceDocument } from './namespaces.ts';
import type { FleetState, Instance } from '../model/state.ts';
import { targetText, type Target } from '../../subtask/target.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { newUsage } from '../model/namespace-usage.ts';

/** One level of a namespace's chain that has a policy. */
interface Level {
  readonly namespace: string;
  readonly policy: Policy;
}

/** All policies of a namespace's chain, from the root down. Each level can only narrow what the levels above allow. */
export type Levels = readonly Level[];

type Registry = FleetState['namespaces'];

/** Returns the policies in force in this namespace. */
export function levelsOf(registry: Registry, namespace: string): Levels {
  if (registry.size === 0) return NONE;
  const levels = chainOf(namespace).flatMap(link => {
    const policy = registry.get(link)?.policy ?? null;
    return policy === null ? [] : [{ namespace: link, policy }];
  });
  return levels.reverse();
}

const NONE: Levels = [];

/** The level whose policy refuses a name. */
export interface Refusal {
  readonly level: Level;
  readonly verb: 'denies' | 'does not allow';
}

/**
 * Returns the level that refuses any of these names, or undefined. A denial takes precedence over a missing permission.
 */
export function refusalOf(levels: Levels, kind: PolicyKind, names: readonly string[]): Refusal | undefined {
  const isIn = (list: readonly string[] | undefined): boolean =>
    list?.some(each => names.includes(each)) === true;
  const denying = levels.find(({ policy }) => isIn(policy.deny?.[kind]));
  if (denying !== undefined) return { level: denying, verb: 'denies' };
  const narrow = levels.find(({ policy }) => policy.allow?.[kind] !== undefined && !isIn(policy.allow[kind]));
  return narrow && { level: narrow, verb: 'does not allow' };
}

/** Returns the smallest limit, and the highest level that sets it; undefined for no limit. */
export function limitOf(
  levels: Levels,
  key: PolicyLimit,
): { readonly value: number; readonly namespace: string } | undefined {
  let smallest: { value: number; namespace: string } | undefined;
  for (const { namespace, policy } of levels) {
    const value = policy.limits?.[key];
    if (value !== undefined && (smallest === undefined || value < smallest.value))
      smallest = { value, namespace };
  }
  return smallest;
}

/** @throws NAMESPACE_REJECTED unless every level admits records of this act */
export function requireAct(registry: Registry, claimed: string, act: Act): void {
  requireAllowed(levelsOf(registry, claimed), claimed, 'acts', [act], `act '${act}'`);
}

/** The context that a fan-out is checked against, besides its subtasks. */
export interface FanOutBounds {
  /** In dollars; null for none. */
  readonly budget_usd: number | null;
  /** Environment variables of all its subtasks; null or absent for none. */
  readonly env?: Variables | null | undefined;
  /** The instances that targets may name. */
  readonly instances: FleetState['instances'];
}

/** @throws NAMESPACE_REJECTED for a fan-out that a policy does not allow, naming the level and the subtask */
export function requireFanOut(
  state: Pick<FleetState, 'namespaces' | 'usages'>,
  claimed: string,
  subtasks: readonly CompleteSubtask[],
  bounds: FanOutBounds,
): void {
  const levels = levelsOf(state.namespaces, claimed);
  if (levels.length === 0) return;
  requireCount(levels, claimed, subtasks.length);
  const budget = limitOf(levels, 'budget_usd');
  if (budget !== undefined && (bounds.budget_usd ?? 0) > budget.value)
    throw beyond(claimed, budget.namespace, 'budget_usd', {
      what: `lets all work there take ${usd(budget.value)}, and the fan-out wants ${usd(bounds.budget_usd!)}`,
      hint: `Give the fan-out a budget of at most ${budget.value}`,
      details: { limit: budget.value },
    });
  if (bounds.env != null) requireAllowed(levels, claimed, 'executors', ['shell'], ENV_FOR_ALL);
  subtasks.forEach((subtask, index) => requireSubtask(state, levels, claimed, subtask, index, bounds));
}

/**
 * @param total the number of all subtasks, with those that the matrix makes
 * @throws NAMESPACE_REJECTED for a subtask with a matrix over results that a policy does not allow
 */
export function requireExpansion(
  state: Pick<FleetState, 'namespaces' | 'usages' | 'instances'>,
  claimed: string,
  subtask: CompleteSubtask,
  index: number,
  total: number,
): void {
  const levels = levelsOf(state.namespaces, claimed);
  requireCount(levels, claimed, total);
  requireSubtask(state, levels, claimed, subtask, index, state);
}

function requireCount(levels: Levels, claimed: string, count: number): void {
  const most = limitOf(levels, 'max_children');
  if (most === undefined || count <= most.value) return;
  throw beyond(claimed, most.namespace, 'max_children', {
    what: `lets a fan-out have at most ${plural(most.value, 'subtask')}, and these are ${count}`,
    hint: 'Split it into smaller fan-outs',
    details: { limit: most.value },
  });
}

/** @throws NAMESPACE_REJECTED for a subtask that is to run again and that a policy does not allow */
export function requireSubtaskAgain(
  state: Pick<FleetState, 'namespaces' | 'usages' | 'instances'>,
  claimed: string,
  subtask: CompleteSubtask,
  index: number,
): void {
  requireSubtask(state, levelsOf(state.namespaces, claimed), claimed, subtask, index, state);
}

function requireSubtask(
  state: Pick<FleetState, 'usages'>,
  levels: Levels,
  claimed: string,
  subtask: CompleteSubtask,
  index: number,
  { instances }: Pick<FanOutBounds, 'instances'>,
): void {
  const { executor, target } = subtask;
  const which = `of subtask ${index}`;
  requireAllowed(levels, claimed, 'executors', [executor], `executor '${executor}' ${which}`, index);
  if (subtask.env !== null)
    requireAllowed(levels, claimed, 'executors', ['shell'], `env ${which}, ${AS_SHELL}`, index);
  const names = namesOf(target, instances);
  requireAllowed(levels, claimed, 'targets', names, `target '${targetText(target)}' ${which}`, index);
  const longest = limitOf(levels, 'timeout_secs');
  if (longest !== undefined && (subtask.timeout_secs ?? Infinity) > longest.value)
    throw beyond(claimed, longest.namespace, 'timeout_secs', {
      what: `lets a subtask take ${longest.value}s, and the time-out ${which} is ${subtask.timeout_secs}s`,
      hint: `Give it a timeout of at most ${longest.value}`,
      details: { subtask: index, limit: longest.value },
    });
  for (const { namespace, policy } of levels) requireShare(state, claimed, namespace, policy, subtask, index);
}

/** A variable such as `GIT_SSH_COMMAND` can make a program run any command. */
const AS_SHELL = "which may run commands as executor 'shell' does";
const ENV_FOR_ALL = `env of the fan-out, ${AS_SHELL}`;

/** Requires, in a namespace with a budget, that each subtask names its share before it starts. */
function requireShare(
  { usages }: Pick<FleetState, 'usages'>,
  claimed: string,
  namespace: string,
  { limits }: Policy,
  subtask: CompleteSubtask,
  index: number,
): void {
  const limit = limits?.budget_usd;
  if (limit === undefined) return;
  const { budget_usd: share } = subtask;
  const usage = usages.get(namespace) ?? newUsage();
  if (share !== null && whyNeverAffordable(limitedTo(limit, usage), subtask) === null) return;
  const booked = usage.booked.usd / 1_000_000;
  const left = Math.max(0, Number((limit - booked).toFixed(6)));
  const spent = booked === 0 ? '' : `, of which ${usd(booked)} are booked`;
  const wants =
    share === null ? `subtask ${index} names no share of it` : `subtask ${index} wants ${usd(share)}`;
  throw beyond(claimed, namespace, 'budget_usd', {
    what: `lets all work there take ${usd(limit)}${spent}, and ${wants}`,
    hint: `Give each subtask a budget of at most ${left}`,
    details: { subtask: index, limit: left },
  });
}

/** Returns the names of a target in policies. A worker has two: its alias and its DID. */
function namesOf(target: Target, instances: FleetState['instances']): string[] {
  const text = targetText(target);
  if (target.kind === 'least-loaded' || target.kind === 'round-robin') return [text];
  const named = [...instances.values()].find(({ did, alias }) =>
    target.kind === 'specific' ? did === target.did : alias === target.alias,
  );
  return named === undefined ? [text] : workerNames(named);
}

const workerNames = ({ did, alias }: Pick<Instance, 'did' | 'alias'>): string[] => [alias, `specific:${did}`];

/** Returns the policy that refuses an executor to a subtask opened before the policy; undefined while it may start. */
export function executorRefusal(levels: Levels, executor: string): Refusal | undefined {
  return levels.length === 0 ? undefined : refusalOf(levels, 'executors', [executor]);
}

/** Returns the level that denies this worker to all work there, including freely placed work; or undefined. */
export function denierOf(levels: Levels, worker: Pick<Instance, 'did' | 'alias'>): string | undefined {
  const names = workerNames(worker);
  return levels.find(({ policy }) => policy.deny?.targets?.some(each => names.includes(each)))?.namespace;
}

/** The remainder of a level's limits, for code that assigns work. */
export interface Limit {
  readonly namespace: string;
  /** The maximum number that may be out at a time; infinite for no limit. */
  readonly maxParallel: number;
  running: number;
  /** Null without a limit. */
  readonly budget: LimitedAccount | null;
}

/**
 * Returns the remainder of a level's limits, as a copy for trial reservations; null for a level without limits on
 * starts.
 */
export function boundOf({ usages }: Pick<FleetState, 'usages'>, { namespace, policy }: Level): Limit | null {
  const { max_parallel: maxParallel, budget_usd: budget } = policy.limits ?? {};
  if (maxParallel === undefined && budget === undefined) return null;
  const usage = usages.get(namespace) ?? newUsage();
  return {
    namespace,
    maxParallel: maxParallel ?? Number.POSITIVE_INFINITY,
    running: usage.running,
    budget: budget === undefined ? null : limitedTo(budget, usage),
  };
}

/** Returns the limits on starts of these levels. */
export function limitsOf(state: Pick<FleetState, 'usages'>, levels: Levels): readonly Limit[] {
  return levels.flatMap(level => boundOf(state, level) ?? []);
}

/** Counts one more subtask that is out. */
export function reserveIn(bound: Limit, subtask: Budgeted): void {
  bound.running++;
  if (bound.budget !== null) reserve(bound.budget, subtask);
}

/** Returns the effective policy of a namespace, and the level that sets each part. @throws NOT_FOUND */
export function effectivePolicy(
  state: Pick<FleetState, 'namespaces' | 'usages'>,
  namespace: string,
): EffectivePolicy {
  const { status, archived_by } = namespaceDocument(state.namespaces, namespace);
  const levels = levelsOf(state.namespaces, namespace);
  const perKind = <T>(of: (kind: PolicyKind) => T): Record<PolicyKind, T> =>
    Object.fromEntries(POLICY_KINDS.map(kind => [kind, of(kind)])) as Record<PolicyKind, T>;
  const limits = POLICY_LIMITS.map(key => {
    const limit = limitOf(levels, key);
    return [key, limit === undefined ? null : { value: limit.value, set_by: limit.namespace }] as const;
  });
  return {
    namespace,
    status,
    archived_by,
    allow: perKind(kind => allowedIn(levels, kind)),
    deny: perKind(kind => deniedIn(levels, kind)),
    limits: Object.fromEntries(limits) as EffectivePolicy['limits'],
    usage: levels.map(level => {
      const { running, booked, reserved } = state.usages.get(level.namespace) ?? newUsage();
      return {
        namespace: level.namespace,
        running,
        booked_usd: booked.usd / 1_000_000,
        reserved_usd: reserved.usd / 1_000_000,
      };
    }),
  };
}

function allowedIn(levels: Levels, kind: PolicyKind): { names: string[]; set_by: string[] } | null {
  const setting = levels.filter(({ policy }) => policy.allow?.[kind] !== undefined);
  if (setting.length === 0) return null;
  const lists = setting.map(({ policy }) => policy.allow![kind] as readonly string[]);
  const names = [...new Set(lists[0])].filter(name => lists.every(list => list.includes(name)));
  return { names, set_by: setting.map(({ namespace }) => namespace) };
}

function deniedIn(levels: Levels, kind: PolicyKind): { name: string; set_by: string }[] {
  const denied = new Map<string, string>();
  for (const { namespace, policy } of levels)
    for (const name of policy.deny?.[kind] ?? []) if (!denied.has(name)) denied.set(name, namespace);
  return [...denied].map(([name, set_by]) => ({ name, set_by }));
}

function requireAllowed(
  levels: Levels,
  claimed: string,
  kind: PolicyKind,
  names: readonly string[],
  what: string,
  subtask?: number,
): void {
  const refusal = refusalOf(levels, kind, names);
  if (refusal === undefined) return;
  const { level, verb } = refusal;
  const allowed = allowedIn(levels, kind)?.names.filter(
    each => refusalOf(levels, kind, [each]) === undefined,
  );
  throw beyond(claimed, level.namespace, kind, {
    what: `${verb} ${what}`,
    hint: allowed === undefined || allowed.length === 0 ? null : `Allowed are: ${allowed.join(', ')}`,
    details: { ...(subtask === undefined ? {} : { subtask }), ...(allowed === undefined ? {} : { allowed }) },
  });
}

interface Beyond {
  readonly what: string;
  readonly hint: string | null;
  /** The index of the subtask, for a subtask; the limit, or the allowed names. */
  readonly details?: {
    readonly subtask?: number;
    readonly limit?: number;
    readonly allowed?: readonly string[];
  };
}

function beyond(
  claimed: string,
  level: string,
  part: PolicyKind | PolicyLimit,
  { what, hint, details = {} }: Beyond,
): FleetError {
  const look = `See the policy with: spl namespace resolve ${claimed}`;
  return new FleetError(
    'NAMESPACE_REJECTED',
    `namespace '${claimed}' is rejected: the policy of '${level}' ${what} (${part})`,
    {
      details: { namespace: claimed, failing: level, policy: part, ...details },
      hint: hint === null ? look : `${hint}. ${look}`,
    },
  );
}

const usd = (amount: number): string => budgetAmount('usd', amount);
