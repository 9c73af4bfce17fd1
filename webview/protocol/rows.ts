import * as v from 'valibot';
import {
  childSchema,
  earlierAttemptSchema,
  joinStatusSchema,
  speedupSchema,
  type ChildDocument,
  type JoinStatus,
  type SpeedupDocument,
} from '../../engine/contract/fan-out-documents.ts';
import { cut, MAX_LISTED, whole } from './limits.ts';

/**
 * The rows that the view draws: members of the engine's documents, with the documents' own names and schemas. Long texts and
 * lists are cut; the whole ones are in the documents that JSON export writes.
 */

const ATTEMPT_MEMBERS = [
  'attempt',
  'worker',
  'verdict',
  'reason',
  'cost_usd',
  'cost_unknown',
  'lost',
  'wall_time_secs',
  'started_unix',
  'ended_unix',
] as const;
const attemptRowSchema = v.strictObject(v.pick(earlierAttemptSchema, ATTEMPT_MEMBERS).entries);
/** An attempt that ended before the present one. */
export type AttemptRow = v.InferOutput<typeof attemptRowSchema>;

const CHILD_MEMBERS = [
  ...ATTEMPT_MEMBERS,
  'index',
  'name',
  'goal',
  'target',
  'state',
  'executor',
  'exit_code',
  'signal',
  'summary',
  'depends_on',
  'after_join',
  'left_group',
  'when',
  'needs_you',
  'reused',
] as const;
export const childRowSchema = v.strictObject({
  ...v.pick(childSchema, CHILD_MEMBERS).entries,
  index: whole,
  /** The number of all dependencies, of which `depends_on` has at most 200. */
  depends_on_count: whole,
  earlier_attempts: v.array(attemptRowSchema),
});
/** A subtask as the view draws it. */
export type ChildRow = v.InferOutput<typeof childRowSchema>;

const JOIN_MEMBERS = [
  'subtasks',
  'follow_ups',
  'under_way',
  'completed',
  'round',
  'predicate',
  'complete',
  'outcome',
  'reason',
  'counts',
  'census',
  'losers',
  'echo',
  'opened_unix',
  'joined_unix',
] as const;
export const joinRowSchema = v.strictObject(v.pick(joinStatusSchema, JOIN_MEMBERS).entries);
/** A join as the view draws it, without its subtasks. */
export type JoinRow = v.InferOutput<typeof joinRowSchema>;

const SERIAL_MEMBERS = [
  'thread',
  'alias',
  'subtasks',
  'follow_ups',
  'completed',
  'complete',
  'outcome',
] as const;
export const serialRowSchema = v.strictObject(v.pick(joinStatusSchema, SERIAL_MEMBERS).entries);
/** The join of the serial run that goes on, or of the last one. */
export type SerialRow = v.InferOutput<typeof serialRowSchema>;

const SPEEDUP_MEMBERS = [
  'critical_path',
  'critical_path_secs',
  'measured_wall_secs',
  'extra_cost_usd',
  'slots_used',
  'weak',
  'measured',
  'notes',
] as const;
export const speedupRowSchema = v.strictObject(v.pick(speedupSchema, SPEEDUP_MEMBERS).entries);
/** A report as the view draws it. */
export type SpeedupRow = v.InferOutput<typeof speedupRowSchema>;

/** Returns the row of a subtask. */
export function childRow(child: ChildDocument): ChildRow {
  return {
    ...pick(child, CHILD_MEMBERS),
    name: cut(child.name),
    goal: cut(child.goal),
    reason: cut(child.reason),
    summary: cut(child.summary),
    ...(child.needs_you != null && { needs_you: cut(child.needs_you) }),
    depends_on: child.depends_on.slice(0, MAX_LISTED),
    depends_on_count: child.depends_on.length,
    earlier_attempts: child.earlier_attempts
      .slice(-MAX_LISTED)
      .map(attempt => ({ ...pick(attempt, ATTEMPT_MEMBERS), reason: cut(attempt.reason) })),
    left_group: child.left_group.slice(0, MAX_LISTED),
  };
}

/** Returns the row of a join. */
export const joinRow = (status: JoinStatus): JoinRow => ({
  ...pick(status, JOIN_MEMBERS),
  predicate: cut(status.predicate),
  reason: cut(status.reason),
  echo: cut(status.echo),
});

/** Returns the row of a serial run's join. */
export const serialRow = (status: JoinStatus): SerialRow => pick(status, SERIAL_MEMBERS);

/** Returns the row of a report. */
export const speedupRow = (report: SpeedupDocument): SpeedupRow => ({
  ...pick(report, SPEEDUP_MEMBERS),
  weak: { ...report.weak, caveat: cut(report.weak.caveat) },
  notes: report.notes.slice(0, MAX_LISTED).map(note => cut(note)),
});

/** Copies the named members that the document has. */
function pick<D extends object, K extends keyof D>(document: D, names: readonly K[]): Pick<D, K> {
  const picked: Partial<D> = {};
  for (const name of names) if (document[name] !== undefined) picked[name] = document[name];
  return picked as Pick<D, K>;
}
