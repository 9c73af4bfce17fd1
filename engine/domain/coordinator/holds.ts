import type { Currency } from '../../contract/format.ts';
import { isWanted } from '../fold/apply-record.ts';
import { shortOf, type LimitedAccount } from '../model/budgets.ts';
import { allowsStart } from '../model/circuit-breakers.ts';
import { environmentOf, type Child, type FanOut, type FleetState, type Instance } from '../model/state.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import type { Target } from '../../subtask/target.ts';
import { isBlocked } from '../policy/blocked-namespaces.ts';
import {
  denierOf,
  executorRefusal,
  levelsOf,
  limitsOf,
  type Levels,
  type Limit,
  type Refusal,
} from '../policy/namespace-policy.ts';

/** The reason why a pending subtask is not assigned. The scheduler acts on it, and documents explain it. */
export type HoldReason = StartHold | WorkerHold;

/** The reasons why a subtask may not start, even with a free worker. */
export type StartHold =
  | { readonly kind: 'question'; readonly asks: string }
  | { readonly kind: 'blocked namespace' }
  | { readonly kind: 'refused executor'; readonly refusal: Refusal }
  | { readonly kind: 'matrix' }
  | { readonly kind: 'dependencies' }
  | { readonly kind: 'unwanted' }
  | { readonly kind: 'environment' }
  | { readonly kind: 'back-off'; readonly until: number }
  | { readonly kind: 'serial run' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'quota'; readonly executor: string }
  | { readonly kind: 'parallel limit'; readonly limit: Limit }
  /** `namespace` is null for the fan-out's own budget. */
  | {
      readonly kind: 'budget';
      readonly account: LimitedAccount;
      readonly currency: Currency;
      readonly namespace: string | null;
    };

/** The reasons why no worker takes a subtask that has no other hold. */
export type WorkerHold =
  | { readonly kind: 'denied worker'; readonly worker: Instance; readonly namespace: string }
  | { readonly kind: 'absent worker'; readonly worker: Instance | undefined }
  | { readonly kind: 'busy worker'; readonly worker: Instance }
  | { readonly kind: 'no worker' }
  | { readonly kind: 'no allowed worker'; readonly namespace: string }
  | { readonly kind: 'no free slot' };

/** The facts about a fan-out that determine whether its subtasks may start. */
export interface HoldContext {
  readonly state: FleetState;
  readonly fanOut: FanOut;
  readonly levels: Levels;
  readonly isBlocked: boolean;
  /** The number of members that are out. Like all following fields, includes placements made in this step. */
  out: number;
  readonly budget: LimitedAccount | null;
  /** The limits of the namespace and its ancestors. */
  readonly limits: readonly Limit[];
  /** Executors that were out of quota and on which one attempt now tests for quota. */
  readonly probed: ReadonlySet<string>;
  readonly now: number;
}

/** Returns the facts in the state. */
export function holdContext(state: FleetState, fanOut: FanOut, now: number): HoldContext {
  const levels = levelsOf(state.namespaces, fanOut.namespace);
  return {
    state,
    fanOut,
    levels,
    isBlocked: isBlocked(state, fanOut.namespace),
    out: fanOut.counts.running,
    budget: fanOut.budget,
    limits: limitsOf(state, levels),
    probed: NONE,
    now,
  };
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Returns the reason that holds a pending subtask back; null when it may be assigned. Both the scheduler and the
 * documents call this, so that the explanation is always the actual reason.
 */
export function holdOf(context: HoldContext, child: Child): StartHold | null {
  const { state, fanOut, levels, now } = context;
  const subtask = fanOut.subtasks[child.index]!;
  if (child.asks !== null) return { kind: 'question', asks: child.asks };
  if (context.isBlocked) return BLOCKED_NAMESPACE;
  const refusal = executorRefusal(levels, subtask.executor);
  if (refusal !== undefined) return { kind: 'refused executor', refusal };
  if (subtask.matrix !== null) return MATRIX;
  if (child.unmet > 0) return DEPENDENCIES;
  if (!isWanted(fanOut, child)) return UNWANTED;
  if (lacksEnvironment(state, fanOut, child)) return ENVIRONMENT;
  if (child.notBefore > now) return { kind: 'back-off', until: child.notBefore };
  if (!hasTurn(context)) return fanOut.serialOf === null ? TURN : SERIAL_RUN;
  return resourceHold(context, subtask);
}

const BLOCKED_NAMESPACE = { kind: 'blocked namespace' } as const;
const MATRIX = { kind: 'matrix' } as const;
const DEPENDENCIES = { kind: 'dependencies' } as const;
const UNWANTED = { kind: 'unwanted' } as const;
const ENVIRONMENT = { kind: 'environment' } as const;
const SERIAL_RUN = { kind: 'serial run' } as const;
const TURN = { kind: 'turn' } as const;

/** Returns true when a fan-out may have another member out. */
export function hasTurn({ fanOut, out }: Pick<HoldContext, 'fanOut' | 'out'>): boolean {
  return out < mostOut(fanOut);
}

/** Returns the most members of a fan-out that may be out at a time. A serial run has one. */
export const mostOut = ({ serialOf, maxParallel }: Pick<FanOut, 'serialOf' | 'maxParallel'>): number =>
  serialOf === null ? (maxParallel ?? Infinity) : 1;

/** Returns the quota, budget or limit that is exhausted for a subtask now, or null. */
function resourceHold(context: HoldContext, subtask: CompleteSubtask): StartHold | null {
  const { state, budget, limits, probed, now } = context;
  const { executor } = subtask;
  if (state.breakers.size > 0 && (probed.has(executor) || !allowsStart(state.breakers, executor, now)))
    return { kind: 'quota', executor };
  const own = budget === null ? null : budgetHold(budget, subtask, null);
  if (own !== null) return own;
  for (const limit of limits) {
    if (limit.running >= limit.maxParallel) return { kind: 'parallel limit', limit };
    const shared = limit.budget === null ? null : budgetHold(limit.budget, subtask, limit.namespace);
    if (shared !== null) return shared;
  }
  return null;
}

function budgetHold(
  account: LimitedAccount,
  subtask: CompleteSubtask,
  namespace: string | null,
): StartHold | null {
  const currency = shortOf(account, subtask);
  return currency === undefined ? null : { kind: 'budget', account, currency, namespace };
}

/** Returns true when the environment of a child is no longer stored. */
function lacksEnvironment({ goneEnvironments }: FleetState, fanOut: FanOut, child: Child): boolean {
  if (goneEnvironments.size === 0) return false;
  const name = environmentOf(fanOut, child);
  return name !== null && goneEnvironments.has(name);
}

/** Returns why no worker has taken a subtask that has no other hold. */
export function workerHold({ state, levels }: HoldContext, target: Target): WorkerHold {
  const workers = [...state.instances.values()].filter(({ role }) => role === 'worker');
  if (target.kind === 'specific' || target.kind === 'alias') {
    const name = target.kind === 'specific' ? target.did : target.alias;
    const worker = workers.find(({ did, alias }) => did === name || alias === name);
    const denier = worker && denierOf(levels, worker);
    if (denier !== undefined) return { kind: 'denied worker', worker: worker!, namespace: denier };
    return worker?.status === 'live' ? { kind: 'busy worker', worker } : { kind: 'absent worker', worker };
  }
  const live = workers.filter(({ status }) => status === 'live');
  if (live.length === 0) return { kind: 'no worker' };
  const deniers = live.map(worker => denierOf(levels, worker));
  return deniers.includes(undefined)
    ? { kind: 'no free slot' }
    : { kind: 'no allowed worker', namespace: deniers[0]! };
}
