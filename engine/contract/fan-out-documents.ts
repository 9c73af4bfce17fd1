import * as v from 'valibot';
import { WHENS } from '../subtask/when.ts';

/**
 * The documents of a fan-out: its subtasks, its join and its speedup. They stand apart from the others because the page of a
 * panel decodes its rows with them, and loads nothing else of the contract.
 */

export const VERDICTS = ['accept', 'reject', 'failed', 'timeout', 'cancelled'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The verdicts of a subtask: those of an attempt, or `skipped` for a follow-up that was not needed. */
export const CHILD_VERDICTS = [...VERDICTS, 'skipped'] as const;
export type ChildVerdict = (typeof CHILD_VERDICTS)[number];
export const OUTCOMES = ['satisfied', 'unsatisfiable', 'timed_out', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A numbered run: `release #4`. Null for a fan-out without a name, and before the fan-out. Absent in old versions. */
export const runSchema = v.exactOptional(v.nullable(v.looseObject({ name: v.string(), number: v.number() })));
export interface RunDocument {
  readonly name: string;
  /** Counts from 1, in the namespace of the fan-out. */
  readonly number: number;
}

export const countsSchema = v.looseObject({
  accepted: v.number(),
  rejected: v.number(),
  failed: v.number(),
  timed_out: v.number(),
  cancelled: v.number(),
  running: v.number(),
  pending: v.number(),
});
export type Counts = v.InferOutput<typeof countsSchema>;

const budgetInSchema = v.nullable(
  v.looseObject({
    limit: v.number(),
    /** The amount that ended attempts spent. */
    booked: v.number(),
    /** The shares reserved for subtasks that are out. */
    reserved: v.number(),
  }),
);
/** A currency is null without a limit. The whole budget is null when no currency has a limit. */
export const budgetSchema = v.nullable(
  v.looseObject({ usd: budgetInSchema, tokens: budgetInSchema, secs: budgetInSchema }),
);
export type BudgetDocument = v.InferOutput<typeof budgetSchema>;

/**
 * `echo: nothing was run`, the number of subtasks accepted that way, and how to run one whose goal looks like a
 * command; null for no such subtask.
 */
export const echoSchema = v.nullable(v.string());

/** A branch that started at `base` and is checked out in the folder `dir`. */
const workSchema = v.looseObject({ branch: v.string(), base: v.string(), dir: v.string() });

/** An accepted attempt of another fan-out. */
const usedAttemptSchema = v.looseObject({
  task: v.string(),
  thread: v.string(),
  subtask: v.number(),
  name: v.nullable(v.string()),
  attempt: v.number(),
});

export const earlierAttemptSchema = v.looseObject({
  attempt: v.number(),
  worker: v.nullable(v.string()),
  verdict: v.string(),
  reason: v.nullable(v.string()),
  cost_usd: v.number(),
  cost_unknown: v.exactOptional(v.boolean()),
  lost: v.exactOptional(v.boolean()),
  tokens: v.number(),
  wall_time_secs: v.number(),
  started_unix: v.nullable(v.number()),
  ended_unix: v.nullable(v.number()),
  work: v.nullable(workSchema),
});

export const childSchema = v.looseObject({
  index: v.number(),
  name: v.nullable(v.string()),
  goal: v.string(),
  target: v.string(),
  thread: v.string(),
  /** The alias of the worker that runs or ran it, else its DID; null before it was assigned. */
  worker: v.nullable(v.string()),
  /** The DID of that worker. */
  worker_did: v.nullable(v.string()),
  state: v.picklist(['pending', 'running', 'done']),
  verdict: v.nullable(v.picklist(CHILD_VERDICTS)),
  /** The reason why it is pending, or why it ended with this verdict; null without one. */
  reason: v.nullable(v.string()),
  cost_usd: v.number(),
  /** True where its tool reported no cost, or its agent still runs; `cost_usd` is 0 then. */
  cost_unknown: v.exactOptional(v.boolean()),
  /** True where its last attempt was lost with its worker; its duration is unknown. */
  lost: v.exactOptional(v.boolean()),
  /** The question that waits for a person's answer; else null. */
  needs_you: v.exactOptional(v.nullable(v.string())),
  /** The input and output tokens of its last attempt, as far as its tool reported them. */
  tokens: v.number(),
  /** The wall time of the present attempt: so far while it runs, in total when it has ended. */
  wall_time_secs: v.number(),
  /** The time for which the present attempt has shown no sign of life, as its worker reports it; else null. */
  stalled_secs: v.nullable(v.number()),
  /**
   * The start and end of the present attempt, by the coordinator's log. It ended when its report was written there; it
   * started its wall time before that. Null where unknown: before it happens, and after the attempt was lost with its
   * worker.
   */
  started_unix: v.nullable(v.number()),
  ended_unix: v.nullable(v.number()),
  exit_code: v.nullable(v.number()),
  signal: v.nullable(v.string()),
  summary: v.nullable(v.string()),
  /** The results of its last attempt, from the file `$SPL_RESULTS`; absent without results. */
  results: v.exactOptional(v.record(v.string(), v.unknown())),
  /** True where more results are in the record than are shown here. */
  results_cut: v.exactOptional(v.boolean()),
  attempt: v.number(),
  depends_on: v.array(v.number()),
  /** `failed` and `always` are follow-ups, which the join does not count. */
  when: v.picklist(WHENS),
  executor: v.string(),
  /** Ended attempts before the present one, oldest first. */
  earlier_attempts: v.array(earlierAttemptSchema),
  /** True when it ended after the join, which did not count it. */
  after_join: v.boolean(),
  /** Processes that the attempt started and that still ran at its end, as `pid command`. They were ended. */
  left_group: v.array(v.string()),
  /** The branch and folder of its changes, if its last attempt ran in its own worktree. */
  work: v.nullable(workSchema),
  /** The accepted attempt for which it was accepted without a run; else null. */
  reused: v.exactOptional(v.nullable(usedAttemptSchema)),
});
export type ChildDocument = v.InferOutput<typeof childSchema>;

/** Returns true for a follow-up: a subtask outside the join that runs, where needed, after its dependencies. */
export const isFollowUp = ({ when }: Pick<ChildDocument, 'when'>): boolean => when !== 'accepted';

/** Returns true for an end that a retry is for. */
export const isUnaccepted = ({ state, verdict }: Pick<ChildDocument, 'state' | 'verdict'>): boolean =>
  state === 'done' && verdict !== 'accept' && verdict !== 'skipped';

export const joinStatusSchema = v.looseObject({
  thread: v.string(),
  alias: v.string(),
  run: runSchema,
  round: v.number(),
  /** The number of all subtasks, including follow-ups, which the join does not count. */
  subtasks: v.number(),
  follow_ups: v.number(),
  spawned: v.number(),
  completed: v.number(),
  predicate: v.nullable(v.string()),
  complete: v.boolean(),
  /** True while a subtask runs or may still start, also after the join. */
  under_way: v.boolean(),
  outcome: v.nullable(v.picklist(OUTCOMES)),
  reason: v.nullable(v.string()),
  /** The present counts. `census` has the counts at the moment of the join. */
  counts: countsSchema,
  census: v.nullable(countsSchema),
  losers: v.nullable(v.string()),
  /** The time at which the fan-out was written, or the retry that opened the present round. Null without a fan-out. */
  opened_unix: v.nullable(v.number()),
  /** The time at which the present round joined. */
  joined_unix: v.nullable(v.number()),
  budget: budgetSchema,
  echo: echoSchema,
  /** Empty when the caller asks for the summary only. */
  children: v.array(childSchema),
});
export type JoinStatus = v.InferOutput<typeof joinStatusSchema>;

/** A page of a fan-out's children, which may be many thousands. */
export const childrenSchema = v.looseObject({
  thread: v.string(),
  alias: v.string(),
  /** 0 without a fan-out. */
  round: v.number(),
  /** The number of the fan-out's children, not of this page. */
  total: v.number(),
  children: v.array(childSchema),
});
export type ChildrenDocument = v.InferOutput<typeof childrenSchema>;

export const speedupSchema = v.looseObject({
  thread: v.string(),
  alias: v.string(),
  subtasks: v.number(),
  walls_secs: v.array(v.number()),
  parallel_wall_secs: v.number(),
  critical_path_secs: v.number(),
  /** The indices of the subtasks on the critical path; empty without dependencies. */
  critical_path: v.array(v.number()),
  measured_wall_secs: v.nullable(v.number()),
  total_cost_usd: v.number(),
  /** The number of attempts whose tools reported no cost; the total excludes them. */
  unknown_costs: v.exactOptional(v.number()),
  slots_used: v.number(),
  /** Attempts that did not count: failed, retried, cancelled, or ended after the join. */
  extra_attempts: v.array(
    v.looseObject({
      index: v.number(),
      attempt: v.number(),
      verdict: v.string(),
      wall_time_secs: v.number(),
      cost_usd: v.number(),
      cost_unknown: v.exactOptional(v.boolean()),
    }),
  ),
  extra_cost_usd: v.number(),
  echo: echoSchema,
  weak: v.looseObject({
    serial_estimate_secs: v.number(),
    speedup: v.nullable(v.number()),
    caveat: v.string(),
  }),
  measured: v.nullable(
    v.looseObject({
      serial_thread: v.string(),
      serial_wall_secs: v.number(),
      speedup: v.nullable(v.number()),
      efficiency: v.nullable(v.number()),
      ceiling: v.nullable(v.number()),
      cost_ratio: v.nullable(v.number()),
      overhead_secs: v.number(),
    }),
  ),
  /** The reasons for missing numbers, and the limits of the data. */
  notes: v.array(v.string()),
});
export type SpeedupDocument = v.InferOutput<typeof speedupSchema>;
