import type { Outcome } from '../contract/documents.ts';
import type { Did } from '../record/ids.ts';
import { TOPIC, type JoinBody } from './bodies.ts';
import { decideEarly, evaluateFinal, explain } from './predicate.ts';
import { threadOf, type FanOut } from './state.ts';

/** How a join ends, with the reason in words. */
export interface Decision {
  readonly outcome: Outcome;
  readonly reason: string;
}

/**
 * Decides an open join, or undefined while it stays open. `all`, `any` and `k_of_n` cost a look at counters; CEL is
 * evaluated once, when every child is final.
 */
export function decideJoin(
  fanOut: FanOut,
  aliasOf: (worker: Did) => string,
  now: number,
): Decision | undefined {
  const { predicate, counts, children, task } = fanOut;
  const total = children.length;
  if (task.cancelled !== null)
    return { outcome: 'cancelled', reason: task.cancelled.reason ?? 'cancelled by request' };
  const early = decideEarly(predicate, counts, total);
  if (early !== undefined) return { outcome: early, reason: explain(predicate, counts, total) };
  const final = counts.running + counts.pending === 0;
  if (final) return evaluateFinal(predicate, factsOf(fanOut, aliasOf, now));
  if (fanOut.timeoutMs !== null && now >= fanOut.roundStartedAt + fanOut.timeoutMs) {
    return {
      outcome: 'timed_out',
      reason: `not decided within ${fanOut.timeoutMs / 1000}s: ${explain(predicate, counts, total)}`,
    };
  }
  return undefined;
}

/**
 * The body of the record that ends a round: what was decided, and the report that it counted for each child. What has
 * many members is spelled in order, which makes the canonical text of a large join several times as fast.
 */
export function joinBody(fanOut: FanOut, { outcome, reason }: Decision): JoinBody {
  const { accepted, cancelled, failed, pending, rejected, running, timed_out } = fanOut.counts;
  return {
    topic: TOPIC.join,
    round: fanOut.round,
    outcome,
    reason,
    counts: { accepted, cancelled, failed, pending, rejected, running, timed_out },
    children: fanOut.children.map(({ index, state, verdict, report }) =>
      state === 'done' ? { index, report, verdict } : { index, report: null, verdict: null },
    ),
  };
}

/** What a CEL predicate may look at, once every child is final. */
function factsOf(
  fanOut: FanOut,
  aliasOf: (worker: Did) => string,
  now: number,
): Parameters<typeof evaluateFinal>[1] {
  const { task, children, subtasks, counts } = fanOut;
  return {
    counts,
    nowMs: now,
    costUsd: children.reduce((sum, child) => sum + child.costUsd, 0),
    wallTimeSecs: (now - fanOut.roundStartedAt) / 1000,
    parent: { thread: task.thread, alias: task.alias, goal: task.goal, record: fanOut.id },
    children: children.map((child, index) => ({
      index,
      name: subtasks[index]!.name,
      goal: subtasks[index]!.goal,
      thread: threadOf(fanOut, index),
      worker: child.worker === null ? null : aliasOf(child.worker),
      verdict: child.verdict,
      costUsd: child.costUsd,
      wallTimeSecs: child.wallMs / 1000,
      exitCode: child.exitCode,
      summary: child.summary,
      attempt: child.attempt,
    })),
  };
}
