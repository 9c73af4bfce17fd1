import type { EffectivePolicy } from './documents.ts';
import { budgetAmount, plural } from './format.ts';
import { POLICY_KINDS, POLICY_LIMITS, type PolicyLimit } from './policy.ts';

/** One part of the effective policy, in words for people. */
export interface PolicyPart {
  /** The name of the part in a policy: `executors`, `max_parallel`, `denied acts`. */
  readonly part: string;
  /** `any` where no level sets a limit. */
  readonly holds: string;
  /** The levels that set it; none for `any`. */
  readonly setBy: readonly string[];
}

/** Lists the parts of an effective policy: the names allowed, the limits, and the names denied. */
export function policyParts({ allow, deny, limits }: EffectivePolicy): readonly PolicyPart[] {
  return [
    ...POLICY_KINDS.map(kind => allowedPart(kind, allow[kind])),
    ...POLICY_LIMITS.map(limit => limitPart(limit, limits[limit])),
    ...POLICY_KINDS.flatMap(kind =>
      deny[kind].map(({ name, set_by: by }) => ({ part: `denied ${kind}`, holds: name, setBy: [by] })),
    ),
  ];
}

/** Returns a line for each level with a policy: its running attempts and its spending. */
export function usageLines(usage: EffectivePolicy['usage']): readonly string[] {
  return usage.map(({ namespace, running, booked_usd: booked, reserved_usd: reserved }) => {
    const money = `${budgetAmount('usd', booked)} booked, ${budgetAmount('usd', reserved)} reserved`;
    return `${namespace}: ${running} running, ${money}`;
  });
}

/** Formats the value of each limit in words. */
export const limitWords: Readonly<Record<PolicyLimit, (value: number) => string>> = {
  max_children: count => `${plural(count, 'subtask')} of a fan-out`,
  max_parallel: count => `${plural(count, 'subtask')} at a time`,
  budget_usd: amount => `${budgetAmount('usd', amount)} for all that ever runs`,
  timeout_secs: secs => `${secs}s for a subtask`,
};

const UNBOUNDED = { holds: 'any', setBy: [] };

function allowedPart(part: string, allowed: EffectivePolicy['allow']['acts']): PolicyPart {
  if (allowed === null) return { part, ...UNBOUNDED };
  const holds = allowed.names.length === 0 ? 'none' : allowed.names.join(', ');
  return { part, holds, setBy: allowed.set_by };
}

function limitPart(part: PolicyLimit, limit: EffectivePolicy['limits'][PolicyLimit]): PolicyPart {
  return limit === null
    ? { part, ...UNBOUNDED }
    : { part, holds: limitWords[part](limit.value), setBy: [limit.set_by] };
}
