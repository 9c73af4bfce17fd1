import * as v from 'valibot';
import type { ChildDocument, JoinStatus, SpeedupDocument } from '../engine/contract/documents.ts';
import { stringsSchema } from './strings.ts';

export type { ViewStrings } from './strings.ts';

/**
 * The messages between the panel's two sides. Both decode what they hear; what isn't understood is dropped and logged,
 * and never thrown across. A request of the view gets exactly one reply, also when it fails.
 */

const nullable = <T extends v.GenericSchema>(schema: T) => v.nullable(schema);
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const VERDICTS = ['accept', 'reject', 'failed', 'timeout', 'cancelled', 'skipped'] as const;
export const OUTCOMES = ['satisfied', 'unsatisfiable', 'timed_out', 'cancelled'] as const;
export const WHENS = ['accepted', 'failed', 'always'] as const;
export const CHILD_STATES = ['pending', 'running', 'done'] as const;
export type Verdict = (typeof VERDICTS)[number];
export type Outcome = (typeof OUTCOMES)[number];
export type ChildState = (typeof CHILD_STATES)[number];

/** The most children in one message; the host sends more of them as further messages. */
export const MAX_ROWS = 1000;
/** The most characters of a text in a row; the whole text is in the documents that JSON export writes. */
export const MAX_TEXT_CHARS = 2000;
const MAX_LISTED = 200;

/** An attempt that ended before the present one. `startedUnix` and `endedUnix` are seconds, null when unknown. */
export interface EarlierAttempt {
  readonly attempt: number;
  readonly worker: string | null;
  readonly verdict: string;
  readonly reason: string | null;
  /** Null where its tool did not tell. */
  readonly costUsd: number | null;
  readonly wallSecs: number;
  readonly startedUnix: number | null;
  readonly endedUnix: number | null;
}

/** A subtask as the view knows it. */
export interface ChildRow {
  readonly index: number;
  readonly name: string | null;
  readonly goal: string;
  readonly target: string;
  readonly worker: string | null;
  readonly state: ChildState;
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  /** Null where its tool did not tell. */
  readonly costUsd: number | null;
  /** Of the present attempt, up to the message's moment. */
  readonly wallSecs: number;
  readonly startedUnix: number | null;
  readonly endedUnix: number | null;
  readonly attempt: number;
  readonly executor: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly summary: string | null;
  /** At most 200 of them; `dependsOnCount` counts all. */
  readonly dependsOn: readonly number[];
  readonly dependsOnCount: number;
  readonly earlier: readonly EarlierAttempt[];
  readonly afterJoin: boolean;
  readonly leftGroup: readonly string[];
  /** `failed` and `always` are follow-ups, outside the join. */
  readonly when: (typeof WHENS)[number];
}

/** Rows travel as tuples: the names of twenty members, repeated ten thousand times, would be most of the message. */
const packedEarlierSchema = v.strictTuple([
  whole,
  nullable(v.string()),
  v.string(),
  nullable(v.string()),
  nullable(v.number()),
  v.number(),
  nullable(v.number()),
  nullable(v.number()),
]);
const packedChildSchema = v.strictTuple([
  whole,
  nullable(v.string()),
  v.string(),
  v.string(),
  nullable(v.string()),
  v.picklist(CHILD_STATES),
  nullable(v.picklist(VERDICTS)),
  nullable(v.string()),
  nullable(v.number()),
  v.number(),
  nullable(v.number()),
  nullable(v.number()),
  whole,
  v.string(),
  nullable(v.number()),
  nullable(v.string()),
  nullable(v.string()),
  v.array(whole),
  whole,
  v.array(packedEarlierSchema),
  v.boolean(),
  v.array(v.string()),
  v.picklist(WHENS),
]);
export type PackedChild = v.InferOutput<typeof packedChildSchema>;

export function packChild(child: ChildDocument): PackedChild {
  return [
    child.index,
    cut(child.name),
    cut(child.goal),
    child.target,
    child.worker,
    child.state,
    child.verdict,
    cut(child.reason),
    costOf(child),
    child.wall_time_secs,
    child.started_unix,
    child.ended_unix,
    child.attempt,
    child.executor,
    child.exit_code,
    child.signal,
    cut(child.summary),
    child.depends_on.slice(0, MAX_LISTED),
    child.depends_on.length,
    child.earlier_attempts
      .slice(-MAX_LISTED)
      .map(earlier => [
        earlier.attempt,
        earlier.worker,
        earlier.verdict,
        cut(earlier.reason),
        costOf(earlier),
        earlier.wall_time_secs,
        earlier.started_unix,
        earlier.ended_unix,
      ]),
    child.after_join,
    child.left_group.slice(0, MAX_LISTED),
    child.when,
  ];
}

export function unpackChild(packed: PackedChild): ChildRow {
  const [index, name, goal, target, worker, state, verdict, reason, costUsd, wallSecs, ...rest] = packed;
  const [startedUnix, endedUnix, attempt, executor, exitCode, signal, summary, ...last] = rest;
  const [dependsOn, dependsOnCount, earlier, afterJoin, leftGroup, when] = last;
  return {
    index,
    name,
    goal,
    target,
    worker,
    state,
    verdict,
    reason,
    costUsd,
    wallSecs,
    startedUnix,
    endedUnix,
    attempt,
    executor,
    exitCode,
    signal,
    summary,
    dependsOn,
    dependsOnCount,
    earlier: earlier.map(unpackEarlier),
    afterJoin,
    leftGroup,
    when,
  };
}

const costOf = ({
  cost_usd: usd,
  cost_unknown: isUnknown,
}: ChildDocument | ChildDocument['earlier_attempts'][number]): number | null =>
  isUnknown === true ? null : usd;

function unpackEarlier(packed: PackedChild[19][number]): EarlierAttempt {
  const [attempt, worker, verdict, reason, costUsd, wallSecs, startedUnix, endedUnix] = packed;
  return { attempt, worker, verdict, reason, costUsd, wallSecs, startedUnix, endedUnix };
}

function cut<T extends string | null>(text: T): T | string {
  return text !== null && text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS - 1)}…` : text;
}

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

const joinSchema = v.strictObject({
  subtasks: whole,
  /** Of the subtasks: those that the join does not count. */
  followUps: whole,
  /** True while anything runs or may still start, after the join too. */
  underWay: v.boolean(),
  completed: whole,
  round: whole,
  predicate: nullable(v.string()),
  complete: v.boolean(),
  outcome: nullable(v.picklist(OUTCOMES)),
  reason: nullable(v.string()),
  counts: countsSchema,
  census: nullable(countsSchema),
  losers: nullable(v.string()),
  /** Says that subtasks were accepted without anything having been run; null where none was. */
  echo: nullable(v.string()),
  openedUnix: nullable(v.number()),
  joinedUnix: nullable(v.number()),
});
/** The join without its children. */
export type JoinRow = v.InferOutput<typeof joinSchema>;

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

/** Leaves out what a newer engine added. */
function packCounts(counts: JoinStatus['counts']): Counts {
  const { accepted, rejected, failed, timed_out, cancelled, running, pending } = counts;
  return { accepted, rejected, failed, timed_out, cancelled, running, pending };
}

const speedupSchema = v.strictObject({
  subtasks: whole,
  criticalPathSecs: v.number(),
  criticalPath: v.array(whole),
  measuredWallSecs: nullable(v.number()),
  totalCostUsd: v.number(),
  extraCostUsd: v.number(),
  extraAttempts: whole,
  slotsUsed: v.number(),
  weak: v.strictObject({
    serialEstimateSecs: v.number(),
    speedup: nullable(v.number()),
    caveat: v.string(),
  }),
  measured: nullable(
    v.strictObject({
      serialThread: v.string(),
      serialWallSecs: v.number(),
      speedup: nullable(v.number()),
      efficiency: nullable(v.number()),
      ceiling: nullable(v.number()),
      costRatio: nullable(v.number()),
      overheadSecs: v.number(),
    }),
  ),
  notes: v.array(v.string()),
});
/** The report without the walls and attempts of each subtask, which the rows have. */
export type SpeedupRow = v.InferOutput<typeof speedupSchema>;

export function packSpeedup(report: SpeedupDocument): SpeedupRow {
  const { weak, measured } = report;
  return {
    subtasks: report.subtasks,
    criticalPathSecs: report.critical_path_secs,
    criticalPath: report.critical_path,
    measuredWallSecs: report.measured_wall_secs,
    totalCostUsd: report.total_cost_usd,
    extraCostUsd: report.extra_cost_usd,
    extraAttempts: report.extra_attempts.length,
    slotsUsed: report.slots_used,
    weak: { serialEstimateSecs: weak.serial_estimate_secs, speedup: weak.speedup, caveat: cut(weak.caveat) },
    measured:
      measured === null
        ? null
        : {
            serialThread: measured.serial_thread,
            serialWallSecs: measured.serial_wall_secs,
            speedup: measured.speedup,
            efficiency: measured.efficiency,
            ceiling: measured.ceiling,
            costRatio: measured.cost_ratio,
            overheadSecs: measured.overhead_secs,
          },
    notes: report.notes.slice(0, MAX_LISTED).map(note => cut(note)),
  };
}

const problemSchema = v.strictObject({
  code: v.string(),
  message: v.string(),
  hint: nullable(v.string()),
});
/** The reason for a refusal or a failure, as people read it. */
export type Problem = v.InferOutput<typeof problemSchema>;

export const STREAM_STATES = ['connecting', 'live', 'paused', 'disconnected'] as const;
export type StreamState = (typeof STREAM_STATES)[number];

const serialSchema = v.strictObject({
  thread: v.string(),
  alias: v.string(),
  done: whole,
  subtasks: whole,
  complete: v.boolean(),
  outcome: nullable(v.picklist(OUTCOMES)),
});
/** The serial run that goes on, or the last one. */
export type SerialRow = v.InferOutput<typeof serialSchema>;

const toViewSchema = v.variant('type', [
  v.strictObject({ type: v.literal('init'), strings: stringsSchema }),
  v.strictObject({
    type: v.literal('task'),
    thread: v.string(),
    alias: v.string(),
    goal: v.string(),
    serial: v.boolean(),
  }),
  v.strictObject({
    type: v.literal('stream'),
    state: v.picklist(STREAM_STATES),
    note: nullable(v.string()),
  }),
  /** `reset` says that what came before no longer holds; `nowUnix` is the host's clock, in seconds. */
  v.strictObject({
    type: v.literal('change'),
    seq: whole,
    nowUnix: v.number(),
    reset: v.boolean(),
    join: joinSchema,
    children: v.pipe(v.array(packedChildSchema), v.maxLength(MAX_ROWS)),
  }),
  v.strictObject({
    type: v.literal('speedup'),
    report: nullable(speedupSchema),
    problem: nullable(problemSchema),
  }),
  v.strictObject({ type: v.literal('serial'), run: nullable(serialSchema) }),
  v.strictObject({
    type: v.literal('reply'),
    id: whole,
    result: v.variant('ok', [
      v.strictObject({ ok: v.literal(true), value: nullable(v.string()) }),
      v.strictObject({ ok: v.literal(false), problem: problemSchema }),
    ]),
  }),
]);
export type ToView = v.InferOutput<typeof toViewSchema>;

/** The most characters of a picture that the view hands over: of SVG its text, of PNG its base64. */
export const MAX_PICTURE_CHARS = 32 * 1024 * 1024;

const requestSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('output'), index: whole }),
  v.strictObject({ kind: v.literal('retry'), index: whole }),
  /** All that did not accept, as one round. */
  v.strictObject({ kind: v.literal('retry-failed') }),
  v.strictObject({ kind: v.literal('cancel'), index: whole }),
  v.strictObject({ kind: v.literal('pause') }),
  v.strictObject({ kind: v.literal('resume') }),
  v.strictObject({ kind: v.literal('run-serial') }),
  v.strictObject({ kind: v.literal('cancel-serial') }),
  v.strictObject({ kind: v.literal('open-serial') }),
  /** JSON is written by the host, from the engine's documents. */
  v.strictObject({ kind: v.literal('export-json') }),
  v.strictObject({
    kind: v.literal('export-picture'),
    format: v.picklist(['svg', 'png']),
    data: v.pipe(v.string(), v.maxLength(MAX_PICTURE_CHARS)),
  }),
]);
/** A request of the view to the host. Exports answer with the place they were saved at, or null when they were not. */
export type ViewRequest = v.InferOutput<typeof requestSchema>;

const toHostSchema = v.variant('type', [
  /** Said once by every view that has started, also by one that was hidden and comes back. */
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('request'), id: whole, request: requestSchema }),
  /** The change with this number is applied: the host may send the next. */
  v.strictObject({ type: v.literal('applied'), seq: whole }),
  /** Something that belongs into the host's log. */
  v.strictObject({ type: v.literal('problem'), message: v.pipe(v.string(), v.maxLength(MAX_TEXT_CHARS)) }),
]);
export type ToHost = v.InferOutput<typeof toHostSchema>;

/** A thread's whole id: a part of one, or an alias, could by now mean another task. */
const savedThreadSchema = v.object({ thread: v.pipe(v.string(), v.regex(/^th_[A-Za-z0-9_-]{1,128}$/)) });

/** Returns the task that a view was about, by the state that it saved with the editor; null when the state names none. */
export function savedThreadOf(state: unknown): string | null {
  const result = v.safeParse(savedThreadSchema, state);
  return result.success ? result.output.thread : null;
}

export type Decoded<T> =
  { readonly ok: true; readonly message: T } | { readonly ok: false; readonly problem: string };

export const decodeToView = (data: unknown): Decoded<ToView> => decode(toViewSchema, data);
export const decodeToHost = (data: unknown): Decoded<ToHost> => decode(toHostSchema, data);

function decode<T>(schema: v.GenericSchema<unknown, T>, data: unknown): Decoded<T> {
  const result = v.safeParse(schema, data, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return { ok: true, message: result.output };
  const [issue] = result.issues;
  const at = v.getDotPath(issue) ?? 'message';
  return { ok: false, problem: `${at}: ${issue.message}`.slice(0, 500) };
}
