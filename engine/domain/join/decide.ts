import type { Outcome, Verdict } from '../../contract/documents.ts';
import { sumUsd } from '../../contract/money.ts';
import type { Did } from '../../record/ids.ts';
import { TOPIC, type JoinBody } from '../model/record-bodies.ts';
import { decideEarly, evaluateFinal, explain, explainAhead, type OpenChild } from '../model/predicate.ts';
import { mostMembersOf } from '../model/matrices.ts';
import { membersOf, threadOf, type Child, type FanOut } from '../model/state.ts';
import { isFollowUp } from '../model/subtask.ts';

/** The outcome of a join, with the reason in words. */
export interface Decision {
  readonly outcome: Outcome;
  readonly reason: string;
}

/**
 * Decides an open join; undefined while it stays open. `all`, `any` and `k_of_n` need only the counters; a CEL
 * predicate is decided when every child is final. `decideJoinAhead` decides CEL predicates earlier.
 */
export function decideJoin(
  fanOut: FanOut,
  aliasOf: (worker: Did) => string,
  now: number,
): Decision | undefined {
  const { predicate, counts, task } = fanOut;
  const total = membersOf(fanOut);
  if (task.cancelled !== null)
    return { outcome: 'cancelled', reason: task.cancelled.reason ?? 'cancelled by request' };
  const most = mostMembersOf(fanOut);
  const early = decideEarly(predicate, counts, most);
  // A round can't be lost before the retried subtasks have ended.
  const isKnown = early === 'satisfied' || (early !== undefined && fanOut.retrying === 0);
  if (isKnown) return { outcome: early, reason: explain(predicate, counts, total, most) };
  const final = counts.running + counts.pending === 0;
  if (final) return evaluateFinal(predicate, factsOf(fanOut, aliasOf, now));
  if (fanOut.timeoutMs !== null && now >= fanOut.roundStartedAt + fanOut.timeoutMs) {
    return {
      outcome: 'timed_out',
      reason: `not decided within ${fanOut.timeoutMs / 1000}s: ${explain(predicate, counts, total, most)}`,
    };
  }
  return undefined;
}

/**
 * Decides an open CEL join when no future end can change its outcome; undefined otherwise.
 *
 * @returns the decision, with the number of steps, see `decideAhead`
 */
export function decideJoinAhead(
  fanOut: FanOut,
  aliasOf: (worker: Did) => string,
  now: number,
): { readonly decision: Decision | undefined; readonly steps: number } {
  const { predicate, counts } = fanOut;
  // A serial run must measure all of its subtasks, and the subtasks of a matrix are not known before its results.
  if (predicate.kind !== 'cel' || fanOut.serialOf !== null || fanOut.matrices.size > 0)
    return { decision: undefined, steps: 0 };
  const wallTimeSecs = (now - fanOut.roundStartedAt) / 1000;
  const children = membersIn(fanOut).map(child => openChild(fanOut, child, aliasOf));
  const { outcome, steps } = predicate.program.decideAhead({ counts, wallTimeSecs, children });
  const isKnown = outcome === 'satisfied' || (outcome !== undefined && fanOut.retrying === 0);
  if (!isKnown) return { decision: undefined, steps };
  return { decision: { outcome, reason: explainAhead(outcome, counts, membersOf(fanOut)) }, steps };
}

/**
 * Returns the body of the record that ends a round: the decision, and the counted report of each child. Objects that
 * occur many times have their members in order, which makes the canonical text of a large join several times as fast.
 */
export function joinBody(fanOut: FanOut, { outcome, reason }: Decision): JoinBody {
  const { accepted, cancelled, failed, pending, rejected, running, timed_out } = fanOut.counts;
  return {
    topic: TOPIC.join,
    round: fanOut.round,
    outcome,
    reason,
    counts: { accepted, cancelled, failed, pending, rejected, running, timed_out },
    children: membersIn(fanOut).map(({ index, state, verdict, report }) =>
      state === 'done' ? { index, report, verdict } : { index, report: null, verdict: null },
    ),
  };
}

/** Returns the members of the join. */
function membersIn({ children, subtasks, followUps }: FanOut): readonly Member[] {
  const members = followUps === 0 ? children : children.filter(({ index }) => !isFollowUp(subtasks[index]!));
  return members as readonly Member[];
}

/** A child that is not a follow-up. It is never skipped. */
type Member = Child & { readonly verdict: Verdict | null };

/** Returns the facts that a CEL predicate may use once every child is final. */
function factsOf(
  fanOut: FanOut,
  aliasOf: (worker: Did) => string,
  now: number,
): Parameters<typeof evaluateFinal>[1] {
  const { task, counts } = fanOut;
  const members = membersIn(fanOut);
  return {
    counts,
    nowMs: now,
    costUsd: sumUsd(members.map(({ costUsd }) => costUsd)),
    wallTimeSecs: (now - fanOut.roundStartedAt) / 1000,
    parent: { thread: task.thread, alias: task.alias, goal: task.goal, record: fanOut.id },
    children: members.map(child => ({
      ...openChild(fanOut, child, aliasOf),
      thread: threadOf(fanOut, child.index),
    })),
  };
}

function openChild({ subtasks }: FanOut, child: Member, aliasOf: (worker: Did) => string): OpenChild {
  const { name, goal } = subtasks[child.index]!;
  return {
    index: child.index,
    name,
    goal,
    worker: child.worker === null ? null : aliasOf(child.worker),
    verdict: child.state === 'done' ? child.verdict : null,
    costUsd: child.costUsd,
    wallTimeSecs: child.wallMs / 1000,
    exitCode: child.exitCode,
    summary: child.summary,
    attempt: child.attempt,
  };
}
