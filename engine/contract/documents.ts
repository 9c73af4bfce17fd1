import * as v from 'valibot';
import { RULE_EFFECTS, TASK_ACTIONS } from './commands.ts';
import { budgetSchema, countsSchema, echoSchema, OUTCOMES, runSchema } from './fan-out-documents.ts';

export * from './fan-out-documents.ts';

/**
 * The documents that an engine answers with. `--json` prints them and HTTP carries them. Names are snake_case, seconds
 * are numbers, absent values are null. Fields may be added, never renamed or removed. The client decodes answers with
 * these schemas and keeps members that a newer engine added.
 */

const nullable = <T extends v.GenericSchema>(schema: T) => v.nullable(schema);
const anyObject = v.record(v.string(), v.unknown());

export const INSTANCE_STATUSES = ['starting', 'live', 'stale', 'archived', 'stopped'] as const;

export const instanceSchema = v.looseObject({
  did: v.string(),
  alias: v.string(),
  role: v.picklist(['coordinator', 'worker']),
  endpoint: nullable(v.string()),
  status: v.picklist(INSTANCE_STATUSES),
  version: v.string(),
  uptime_secs: v.number(),
  health: v.picklist(['healthy', 'draining']),
  active_dispatches: v.number(),
  /** The first ten subtasks that the worker holds. */
  dispatches: v.exactOptional(
    v.array(v.looseObject({ task: v.string(), thread: v.string(), subtask: v.number() })),
  ),
  store_records: v.number(),
  last_heartbeat_unix: nullable(v.number()),
  pid: nullable(v.number()),
  home: v.string(),
  slots: v.number(),
  /** The reason why the status is not `live`, or null. */
  note: nullable(v.string()),
});
export type InstanceDocument = v.InferOutput<typeof instanceSchema>;

const issued = { reason: nullable(v.string()), issued_by: v.string(), issued_at_unix: v.number() };
const controlEntries = {
  freezes: v.array(
    v.looseObject({ namespace: v.string(), level: v.string(), grace_secs: v.number(), ...issued }),
  ),
  emergency: nullable(v.looseObject(issued)),
};

/** The answer to `kill` and `unkill`: the record written, and everything that is frozen afterwards. */
export const controlSchema = v.looseObject({
  record: v.string(),
  topic: v.picklist(['freeze', 'unfreeze', 'emergency_stop', 'emergency_clear']),
  namespace: nullable(v.string()),
  /** The level of a freeze: `soft` or `hard`. */
  level: nullable(v.string()),
  ...controlEntries,
});
export type ControlDocument = v.InferOutput<typeof controlSchema>;

export const fleetSchema = v.looseObject({
  instances: v.array(instanceSchema),
  live: v.number(),
  stale: v.number(),
  archived: v.number(),
  heartbeat_interval_secs: v.number(),
  coordinator_url: v.string(),
  ...controlEntries,
  /** Attempts without a sign of life, and for how long. */
  stalled: v.array(
    v.looseObject({
      /** The alias of the task. Another task may have taken the alias since; `thread` identifies the task. */
      task: v.string(),
      thread: v.exactOptional(v.string()),
      subtask: v.number(),
      worker: v.string(),
      stalled_secs: v.number(),
    }),
  ),
  /** The number of open fan-outs: not joined, or with subtasks that run or may still start. */
  open_fan_outs: v.exactOptional(v.number()),
  /** Executors that are out of quota, and the time at which one attempt tests for new quota. */
  breakers: v.array(
    v.looseObject({
      executor: v.string(),
      resets_at_unix: v.number(),
      /** True where the tool named no reset time, so the time is the engine's guess. */
      is_guess: v.exactOptional(v.boolean()),
    }),
  ),
  /** The program that each executor needs. Only the submitter can tell whether it is installed. */
  programs: v.exactOptional(v.record(v.string(), v.string())),
  /** The executors that a subtask can name: the built-in ones, then the agents. */
  executors: v.array(v.string()),
  /** The threads that every command may read, each in the file `‹name›.jsonl` of its `SPL_SHARED`. */
  shared: v.array(v.looseObject({ thread: v.string(), name: v.string() })),
  /** The executor of subtasks that name none and have no command. */
  default_executor: v.string(),
});
export type FleetDocument = v.InferOutput<typeof fleetSchema>;

/** The answer to `fleet start`: the fleet, the instances launched, and the open fan-outs that continue. */
export const fleetStartedSchema = v.looseObject({
  ...fleetSchema.entries,
  /** In launch order. `notes` names ports that were taken. */
  spawned: v.array(
    v.looseObject({
      alias: v.string(),
      did: v.string(),
      pid: v.number(),
      endpoint: nullable(v.string()),
      home: v.string(),
    }),
  ),
  /** The DIDs of workers that were already running. */
  adopted: v.array(v.string()),
  resumed: v.array(
    v.looseObject({
      thread: v.string(),
      alias: nullable(v.string()),
      done: v.number(),
      subtasks: v.number(),
    }),
  ),
  notes: v.array(v.string()),
});
export type FleetStarted = v.InferOutput<typeof fleetStartedSchema>;

export const fleetStoppedSchema = v.looseObject({
  stopped: v.array(
    v.looseObject({
      alias: v.string(),
      did: v.string(),
      pid: nullable(v.number()),
      how: v.picklist(['drained', 'terminated', 'killed', 'gone']),
      handed_back: v.number(),
    }),
  ),
  coordinator_stopping: v.boolean(),
});
export type FleetStopped = v.InferOutput<typeof fleetStoppedSchema>;

export const pingSchema = v.looseObject({
  did: v.string(),
  alias: v.string(),
  reachable: v.boolean(),
  rtt_ms: nullable(v.number()),
  status: nullable(v.number()),
  reason: nullable(v.string()),
});
export type PingDocument = v.InferOutput<typeof pingSchema>;

export const NAMESPACE_STATUSES = ['active', 'archived'] as const;

/** The last status set on a namespace itself, regardless of its ancestors. */
export const OWN_NAMESPACE_STATUSES = [...NAMESPACE_STATUSES, 'deleted'] as const;
export type OwnNamespaceStatus = (typeof OWN_NAMESPACE_STATUSES)[number];

export const namespaceSchema = v.looseObject({
  id: v.string(),
  /** `active` where the namespace and all its ancestors are. */
  status: v.picklist(NAMESPACE_STATUSES),
  own_status: v.picklist(OWN_NAMESPACE_STATUSES),
  /** The highest namespace in the chain that is not active; null when all are. */
  archived_by: nullable(v.string()),
  /** `DEFAULT`, `ORG`, `PROJECT`, `ENV` or `JOB`, by depth. */
  level: v.string(),
  /** The number of segments of the id; 0 for `default`. */
  depth: v.number(),
  description: nullable(v.string()),
  /** The namespace's own policy; null without limits. */
  policy: nullable(anyObject),
  /** The number of namespaces directly below it, without deleted ones. */
  children: v.number(),
});
export type NamespaceDocument = v.InferOutput<typeof namespaceSchema>;

export const namespacesSchema = v.looseObject({
  /** `default` comes first, unless the request asked only for the namespaces below one. */
  namespaces: v.array(namespaceSchema),
  /** The number of namespaces besides `default`, including those that `limit` leaves out. */
  explicit: v.number(),
});
export type NamespacesDocument = v.InferOutput<typeof namespacesSchema>;

export const namespaceShownSchema = v.looseObject({
  ...namespaceSchema.entries,
  /** The namespace itself, then its ancestors; `default` is last. */
  chain: v.array(v.looseObject({ id: v.string(), active: v.boolean() })),
});
export type NamespaceShown = v.InferOutput<typeof namespaceShownSchema>;

const perKind = <S extends v.GenericSchema>(schema: S) =>
  v.looseObject({ acts: schema, executors: schema, targets: schema });
const setLimitSchema = nullable(v.looseObject({ value: v.number(), set_by: v.string() }));

/** The policy in force in a namespace after all its ancestors have narrowed it, and the level that set each part. */
export const effectivePolicySchema = v.looseObject({
  namespace: v.string(),
  status: v.picklist(NAMESPACE_STATUSES),
  archived_by: nullable(v.string()),
  /** The names that every level with a list allows; null where no level has a list. Denied names are not removed. */
  allow: perKind(nullable(v.looseObject({ names: v.array(v.string()), set_by: v.array(v.string()) }))),
  /** The names that any level denies, and the highest level that denies each. */
  deny: perKind(v.array(v.looseObject({ name: v.string(), set_by: v.string() }))),
  /** The smallest limit, and the highest level that sets it. */
  limits: v.looseObject({
    max_children: setLimitSchema,
    max_parallel: setLimitSchema,
    budget_usd: setLimitSchema,
    timeout_secs: setLimitSchema,
  }),
  /**
   * The running work and the spending of each level with a policy, including everything below it. From the root down.
   */
  usage: v.array(
    v.looseObject({
      namespace: v.string(),
      running: v.number(),
      booked_usd: v.number(),
      reserved_usd: v.number(),
    }),
  ),
});
export type EffectivePolicy = v.InferOutput<typeof effectivePolicySchema>;

/** A worktree that an attempt uses, or left behind. */
export const worktreeSchema = v.looseObject({
  name: v.string(),
  /** The worker whose home contains it. */
  worker: v.string(),
  dir: v.string(),
  /** The top folder of the checkout that it belongs to. */
  repository: v.string(),
  branch: v.string(),
  base: v.string(),
  task: v.string(),
  subtask: v.number(),
  /** Null where the subtask has no name, or this fleet does not know the task. */
  subtask_name: v.exactOptional(nullable(v.string())),
  attempt: v.number(),
  /** `left`: an interrupted attempt left it behind. */
  state: v.picklist(['making', 'used', 'kept', 'left']),
  made_unix: v.number(),
});
export type WorktreeDocument = v.InferOutput<typeof worktreeSchema>;
export const worktreesSchema = v.looseObject({ worktrees: v.array(worktreeSchema) });
export type WorktreesDocument = v.InferOutput<typeof worktreesSchema>;

export const worktreeRemovedSchema = v.looseObject({
  name: v.string(),
  branch: v.string(),
  /** True when the branch was kept, because it has commits that no other branch has. */
  branch_kept: v.boolean(),
  /** The number of ignored files that its attempt wrote and that were deleted with it; absent for none. */
  ignored_files: v.exactOptional(v.number()),
  ignored_bytes: v.exactOptional(v.number()),
});
export type WorktreeRemoved = v.InferOutput<typeof worktreeRemovedSchema>;

export const TASK_STATUSES = [
  'inbox',
  'active',
  'blocked',
  'deferred',
  'review',
  'approved',
  'rejected',
  'failed',
  'cancelled',
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export const taskAddedSchema = v.looseObject({
  thread: v.string(),
  alias: v.string(),
  record: v.string(),
  goal: v.string(),
});
export type TaskAdded = v.InferOutput<typeof taskAddedSchema>;

/** A task that this one waits for, or that waits for this one. */
const relatedTaskSchema = v.looseObject({
  thread: v.string(),
  alias: v.string(),
  goal: v.string(),
  status: v.picklist(TASK_STATUSES),
});

/** The judgement of a task: by someone other than the actor who did it, or by its join. */
const evaluationSchema = v.looseObject({
  hypothesis: nullable(v.string()),
  criteria: v.array(v.string()),
  /** The report of completion; null for a task with a fan-out, and before that report. */
  done: nullable(v.looseObject({ by: v.string(), at_unix: v.number(), summary: nullable(v.string()) })),
  verdict: nullable(v.picklist(['approved', 'rejected', 'failed', 'cancelled'])),
  /** The reviewer; null before the verdict, and where the join decided. */
  by: nullable(v.string()),
  at_unix: nullable(v.number()),
  reason: nullable(v.string()),
  join: nullable(
    v.looseObject({
      outcome: v.string(),
      reason: v.string(),
      /** The counts at the moment of the join. */
      census: countsSchema,
      joined_unix: v.number(),
    }),
  ),
});

export const taskSchema = v.looseObject({
  thread: v.string(),
  alias: v.string(),
  goal: v.string(),
  status: v.picklist(TASK_STATUSES),
  /** The reason of the status, in words. */
  reason: nullable(v.string()),
  priority: v.string(),
  labels: v.array(v.string()),
  domain: nullable(v.string()),
  hypothesis: nullable(v.string()),
  criteria: v.array(v.string()),
  namespace: v.string(),
  dir: nullable(v.string()),
  actor: v.string(),
  created_unix: v.number(),
  run: runSchema,
  /** True for a task that lists leave out. */
  archived: v.exactOptional(v.boolean()),
  /** Null when the task has no fan-out. */
  fan_out: nullable(
    v.looseObject({
      record: v.string(),
      /** The task's namespace, or one below it. */
      namespace: v.string(),
      round: v.number(),
      subtasks: v.number(),
      follow_ups: v.number(),
      completed: v.number(),
      predicate: v.string(),
      complete: v.boolean(),
      /** True while a subtask runs or may still start, also after the join. */
      under_way: v.boolean(),
      outcome: nullable(v.string()),
      losers: v.string(),
      serial: v.boolean(),
      /** The task whose serial baseline this is; null for any other fan-out. */
      serial_of: nullable(v.string()),
      counts: countsSchema,
      /** The join's remaining needs, or the reason for its outcome, in words. */
      progress: v.string(),
      budget: budgetSchema,
      echo: echoSchema,
      /** The indices of the subtasks that wait for a person; at most 100. */
      needs_you: v.exactOptional(v.array(v.number())),
      /** The start of the present round. */
      opened_unix: v.exactOptional(v.number()),
      /** The time of its join; null before it. */
      joined_unix: v.exactOptional(nullable(v.number())),
    }),
  ),
  /**
   * The tasks that must be approved before this one continues: those named when it was added, then the one that blocks
   * it.
   */
  depends_on: v.array(relatedTaskSchema),
  /** The tasks that wait for this one. */
  dependants: v.array(relatedTaskSchema),
  /** The end of the deferral; null without one. */
  deferred_until_unix: nullable(v.number()),
  /** The actions that the task accepts now: `start`, `done`, … Empty for a task with a fan-out, whose join decides. */
  verbs: v.array(v.picklist(TASK_ACTIONS)),
  evaluation: evaluationSchema,
});
export type TaskDocument = v.InferOutput<typeof taskSchema>;

export const tasksSchema = v.looseObject({ tasks: v.array(taskSchema) });
export type TasksDocument = v.InferOutput<typeof tasksSchema>;

/** The history of numbered runs, newest first. */
export const runsSchema = v.looseObject({
  runs: v.array(
    v.looseObject({
      /** Its number; `plan` is its name. */
      run: v.number(),
      /** The alias of its task. */
      task: v.string(),
      thread: v.string(),
      plan: v.string(),
      namespace: v.string(),
      goal: v.string(),
      /** The folder of the task; null or absent for none. */
      dir: v.optional(nullable(v.string())),
      /** Above 1 after a retry. */
      round: v.number(),
      subtasks: v.number(),
      started_unix: v.number(),
      /** The time of the present round, until its join or until now. */
      wall_secs: v.number(),
      /** Null before the join. */
      outcome: nullable(v.picklist(OUTCOMES)),
      under_way: v.boolean(),
      counts: countsSchema,
      /** The number of subtasks that wait for a person. */
      needs_you: v.number(),
      /** The subtasks that failed, were rejected or timed out, by name or index; at most 100. */
      failed: v.array(v.string()),
    }),
  ),
});
export type RunsDocument = v.InferOutput<typeof runsSchema>;

/** The answer to `archive`. */
export const archivedSchema = v.looseObject({
  archived: v.boolean(),
  tasks: v.array(v.looseObject({ thread: v.string(), alias: v.string() })),
  /** The number of finished tasks that one call leaves for the next. */
  left: v.number(),
});
export type ArchivedDocument = v.InferOutput<typeof archivedSchema>;

export const fannedOutSchema = v.looseObject({
  thread: v.string(),
  record: v.string(),
  subtasks: v.number(),
  join: v.string(),
  alias: v.string(),
  run: runSchema,
  /** Sentences about conditions that currently keep attempts from starting. Absent: none. */
  notes: v.optional(v.array(v.string())),
});
export type FannedOut = v.InferOutput<typeof fannedOutSchema>;

export const fanOutOpenedSchema = v.looseObject({ ...taskAddedSchema.entries, fan_out: fannedOutSchema });
export type FanOutOpened = v.InferOutput<typeof fanOutOpenedSchema>;

export const liveSchema = v.looseObject({
  ...fleetSchema.entries,
  /** The time of this document, by the coordinator's clock. */
  at_unix: v.number(),
  /** Attempts that have started, longest running first; at most 500. */
  running: v.array(
    v.looseObject({
      thread: v.string(),
      alias: v.string(),
      index: v.number(),
      name: nullable(v.string()),
      goal: v.string(),
      worker: v.string(),
      worker_did: v.string(),
      attempt: v.number(),
      started_unix: v.number(),
      elapsed_secs: v.number(),
      /** The cost of the subtask so far, as far as its attempts reported it. */
      cost_usd: v.number(),
      /** The number of its attempts without a known cost: an agent reports its cost at the end, or never. */
      unknown_costs: v.exactOptional(v.number()),
    }),
  ),
  /** The number of running attempts, including those not listed. */
  running_total: v.number(),
  /** Open fan-outs, oldest first; at most 100. */
  fan_outs: v.array(
    v.looseObject({
      thread: v.string(),
      alias: v.string(),
      namespace: v.string(),
      round: v.number(),
      subtasks: v.number(),
      completed: v.number(),
      counts: countsSchema,
      predicate: v.string(),
      /** The join's remaining needs, or the reason for its outcome, in words. */
      progress: v.string(),
      /** True when joined; subtasks may still run. */
      complete: v.boolean(),
      opened_unix: v.number(),
      cost_usd: v.number(),
      /** The number of attempts without a known cost; the total excludes them. */
      unknown_costs: v.exactOptional(v.number()),
      echo: v.exactOptional(echoSchema),
    }),
  ),
  fan_outs_total: v.number(),
});
export type LiveDocument = v.InferOutput<typeof liveSchema>;

export const recordSchema = v.looseObject({
  id: v.string(),
  parents: v.array(v.string()),
  thread: v.string(),
  actor: v.string(),
  act: v.string(),
  body: anyObject,
  clock: v.number(),
  data_type: v.string(),
  judged_by: nullable(v.string()),
});
export type RecordDocument = v.InferOutput<typeof recordSchema>;

export const recordsSchema = v.looseObject({
  records: v.array(recordSchema),
  /** The value of `after` for the next page; null at the end. */
  next: nullable(v.number()),
});
export type RecordsDocument = v.InferOutput<typeof recordsSchema>;

/** A record and its home's knowledge of it: its position in the log, the time it was written, its signature. */
export const auditSchema = v.looseObject({
  entries: v.array(
    v.looseObject({
      position: v.number(),
      at_unix: v.number(),
      record: recordSchema,
      /**
       * The signature of the batch that brought the record from another instance; null for a record of the home's own
       * instance.
       */
      signature: nullable(
        v.looseObject({
          by: v.string(),
          sig: v.string(),
          ids: v.array(v.string()),
          /** The key that verifies the signature, as base64url; null where its instance is not of this fleet. */
          public_key: nullable(v.string()),
        }),
      ),
    }),
  ),
  next: nullable(v.number()),
});
export type AuditDocument = v.InferOutput<typeof auditSchema>;

export const threadRecordsSchema = v.looseObject({ thread: v.string(), records: v.array(recordSchema) });
export type ThreadRecords = v.InferOutput<typeof threadRecordsSchema>;

export const threadSummarySchema = v.looseObject({
  thread: v.string(),
  records: v.number(),
  kind: v.string(),
  title: nullable(v.string()),
  first_unix: v.number(),
  last_unix: v.number(),
});
export const threadsSchema = v.looseObject({ threads: v.array(threadSummarySchema), total: v.number() });
export type ThreadsDocument = v.InferOutput<typeof threadsSchema>;

export const threadStateSchema = v.looseObject({
  thread: v.string(),
  kind: v.string(),
  title: nullable(v.string()),
  status: nullable(v.string()),
  records: v.number(),
  actors: v.array(v.string()),
  acts: v.record(v.string(), v.number()),
  first_unix: nullable(v.number()),
  last_unix: nullable(v.number()),
});
export type ThreadState = v.InferOutput<typeof threadStateSchema>;

export const replaySchema = v.looseObject({
  thread: v.string(),
  steps: v.array(
    v.looseObject({
      clock: v.number(),
      act: v.string(),
      actor: v.string(),
      status: v.string(),
      changed: v.boolean(),
      body: v.string(),
      at_unix: v.number(),
    }),
  ),
  final_status: v.string(),
  count: v.number(),
});
export type ReplayDocument = v.InferOutput<typeof replaySchema>;

export const querySchema = v.looseObject({
  columns: v.array(v.string()),
  rows: v.array(v.array(v.union([v.string(), v.number(), v.null()]))),
  truncated: v.boolean(),
});
export type QueryDocument = v.InferOutput<typeof querySchema>;

export const healthSchema = v.looseObject({
  status: v.picklist(['ok', 'draining']),
  did: v.string(),
  alias: v.string(),
  role: v.string(),
  version: v.string(),
  protocol: v.number(),
  uptime_secs: v.number(),
  pid: v.number(),
  home: v.string(),
  endpoint: nullable(v.string()),
  records: v.number(),
});
export type HealthDocument = v.InferOutput<typeof healthSchema>;

export const storedSchema = v.looseObject({
  object: v.literal('record'),
  id: v.string(),
  existed: v.boolean(),
});
export type StoredDocument = v.InferOutput<typeof storedSchema>;

const ruleEffect = v.picklist(RULE_EFFECTS);
export const ruleSchema = v.looseObject({
  name: v.string(),
  rule: v.string(),
  effect: ruleEffect,
  issued_by: v.string(),
});
export type RuleDocument = v.InferOutput<typeof ruleSchema>;
export const rulesSchema = v.looseObject({ rules: v.array(ruleSchema) });
export type RulesDocument = v.InferOutput<typeof rulesSchema>;
export const ruleTestedSchema = v.looseObject({
  allowed: v.boolean(),
  /** The reason for the denial, in words. */
  reason: nullable(v.string()),
  /** The answer of each rule. A rule without a value for the record does not hold, and gives the reason. */
  rules: v.array(
    v.looseObject({
      name: v.string(),
      effect: ruleEffect,
      holds: v.boolean(),
      error: nullable(v.string()),
    }),
  ),
});
export type RuleTested = v.InferOutput<typeof ruleTestedSchema>;

export const restoredSchema = v.looseObject({
  /** The number of records written or, in a dry run, to be written. */
  written: v.number(),
  /** The number of records that were already present. */
  existing: v.number(),
  /** The records left out because a conflicting record is already here. */
  left_out: v.array(
    v.looseObject({
      id: v.string(),
      thread: v.string(),
      actor: v.string(),
      clock: v.number(),
      reason: v.string(),
    }),
  ),
});
export type RestoredDocument = v.InferOutput<typeof restoredSchema>;

export const errorSchema = v.looseObject({
  object: v.literal('error'),
  type: v.string(),
  code: v.string(),
  message: v.string(),
  details: v.optional(anyObject),
  hint: v.optional(nullable(v.string())),
});
export type ErrorDocument = v.InferOutput<typeof errorSchema>;

/** The facts about a subtask's output, sent before the bytes. */
export interface OutputInfo {
  readonly task: string;
  readonly subtask: number;
  readonly attempt: number;
  readonly worker: string | null;
  /** True while the attempt runs and may write more. */
  readonly running: boolean;
}
