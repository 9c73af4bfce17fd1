import * as v from 'valibot';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import { cut, whole } from './limits.ts';

export const OUTCOMES = ['satisfied', 'unsatisfiable', 'timed_out', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const countsSchema = v.strictObject({
  accepted: whole,
  rejected: whole,
  failed: whole,
  timed_out: whole,
  cancelled: whole,
  running: whole,
  pending: whole,
});
export type Counts = v.InferOutput<typeof countsSchema>;

export const joinSchema = v.strictObject({
  subtasks: whole,
  /** The number of subtasks that the join does not count. */
  followUps: whole,
  /** True while anything runs or may still start, also after the join. */
  underWay: v.boolean(),
  completed: whole,
  round: whole,
  predicate: v.nullable(v.string()),
  complete: v.boolean(),
  outcome: v.nullable(v.picklist(OUTCOMES)),
  reason: v.nullable(v.string()),
  counts: countsSchema,
  census: v.nullable(countsSchema),
  losers: v.nullable(v.string()),
  /** The note that subtasks were accepted without running anything; null if there is none. */
  echo: v.nullable(v.string()),
  openedUnix: v.nullable(v.number()),
  joinedUnix: v.nullable(v.number()),
});
/** The join without its children. */
export type JoinRow = v.InferOutput<typeof joinSchema>;

/** Returns the row of a join's status. */
export function packJoin(status: JoinStatus): JoinRow {
  return {
    subtasks: status.subtasks,
    followUps: status.follow_ups,
    underWay: status.under_way,
    completed: status.completed,
    round: status.round,
    predicate: cut(status.predicate),
    complete: status.complete,
    outcome: status.outcome,
    reason: cut(status.reason),
    counts: packCounts(status.counts),
    census: status.census === null ? null : packCounts(status.census),
    losers: status.losers,
    echo: cut(status.echo),
    openedUnix: status.opened_unix,
    joinedUnix: status.joined_unix,
  };
}

/** Drops counts that a newer engine added. */
function packCounts(counts: JoinStatus['counts']): Counts {
  const { accepted, rejected, failed, timed_out, cancelled, running, pending } = counts;
  return { accepted, rejected, failed, timed_out, cancelled, running, pending };
}
