import type { TaskDocument } from '../../contract/documents.ts';
import { tasksOf } from '../model/dependencies.ts';
import { isDeferred } from '../model/task-status.ts';
import type { FleetState, Task } from '../model/state.ts';
import { endOf, statusOf, unmetOf } from '../model/tasks.ts';

/** Lists the tasks that a task waits for, in words: `waits for API-1 (active) and for DB-2, which failed`. */
export function whyWaiting(state: FleetState, unmet: readonly Task[], now: number): string {
  const named = unmet.slice(0, MOST_NAMED).map(task => {
    const end = endOf(task);
    return `for ${task.alias}${end === null ? ` (${statusOf(state, task, now)})` : `, which ${ENDED[end]}`}`;
  });
  const more = unmet.length - named.length;
  return `waits ${[...named, ...(more > 0 ? [`for ${more} more`] : [])].join(' and ')}`;
}

const MOST_NAMED = 5;

const ENDED = {
  approved: 'is approved',
  rejected: 'was rejected',
  failed: 'failed',
  cancelled: 'was cancelled',
} as const;

/** Returns the reason of a task's status, in words; null for none. */
export function reasonOf(state: FleetState, task: Task, now: number): string | null {
  const joined = task.fanOutHead?.joined;
  if (joined != null) return joined.reason;
  if (task.cancelled !== null) return task.cancelled.reason;
  if (task.hasFanOut) return null;
  const { standing } = task;
  switch (statusOf(state, task, now)) {
    case 'deferred':
      return standing.deferral!.reason;
    case 'blocked':
      return whyBlocked(state, task, now);
    default:
      // The reason of an ended block or deferral does not explain the present status.
      return standing.last === standing.block || standing.last === standing.deferral
        ? null
        : lastReasonOf(task);
  }
}

function lastReasonOf({ standing: { last } }: Task): string | null {
  return last === null || last.verb === 'block' || last.verb === 'defer' ? null : last.reason;
}

function whyBlocked(state: FleetState, task: Task, now: number): string | null {
  const { block } = task.standing;
  const on = block?.on ?? null;
  const unmet = [...unmetOf(state, task)];
  for (const each of tasksOf(state, on === null ? [] : [on]))
    if (endOf(each) !== 'approved' && !unmet.includes(each)) unmet.push(each);
  const waits = unmet.length === 0 ? null : whyWaiting(state, unmet, now);
  const isBlockOver = block === null || (on !== null && unmet.every(({ thread }) => thread !== on));
  const words = isBlockOver ? null : block.reason;
  return words !== null && waits !== null ? `${words}; ${waits}` : (words ?? waits);
}

/** Returns the judgement of a task, by people or by its join. */
export function evaluationOf(task: Task): TaskDocument['evaluation'] {
  const { facts, standing, cancelled } = task;
  const joined = task.fanOutHead?.joined ?? null;
  const end = endOf(task);
  const judgement =
    joined !== null
      ? { by: null, at: joined.at, reason: joined.reason }
      : (cancelled ?? (end === null ? null : standing.last));
  const unix = (ms: number | null): number | null => (ms === null ? null : ms / 1000);
  return {
    hypothesis: facts.hypothesis,
    criteria: [...facts.criteria],
    done: task.hasFanOut || standing.done === null ? null : statementOf(standing.done),
    verdict: end,
    by: judgement?.by ?? null,
    at_unix: unix(judgement?.at ?? null),
    reason: judgement?.reason ?? null,
    join: joined && {
      outcome: joined.outcome,
      reason: joined.reason,
      census: { ...joined.census },
      joined_unix: joined.at / 1000,
    },
  };
}

function statementOf({ by, at, reason }: NonNullable<Task['standing']['done']>): {
  by: string;
  at_unix: number;
  summary: string | null;
} {
  return { by, at_unix: at / 1000, summary: reason };
}

/** Returns the end of a task's deferral, in seconds since 1970; null when it is not deferred, or without an end. */
export function deferredUntil(task: Task, now: number): number | null {
  const { deferral } = task.standing;
  if (task.hasFanOut || endOf(task) !== null || deferral?.until == null) return null;
  return isDeferred(task.standing, now) ? deferral.until / 1000 : null;
}
