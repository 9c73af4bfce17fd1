import * as v from 'valibot';
import { ACTS, didSchema, jsonObjectSchema } from '../record/record.ts';
import {
  amount,
  atLeast,
  folder,
  MAX_ALIAS_CHARS,
  MAX_GOAL_CHARS,
  nonEmpty,
  seconds,
  text,
} from '../record/values.ts';
import { MAX_SUBTASKS, subtaskRef } from '../subtask/subtask-ref.ts';
import { envSchema } from '../subtask/variables.ts';
import { policySchema } from './policy.ts';

/**
 * The commands that an engine accepts, as schemas. They decode HTTP bodies, and their output types are the inputs of
 * `Engine.submit`. The rules check what a schema cannot express: a name that must resolve, a cycle.
 */

/** An alias: letters, digits, `.`, `_` and `-`. It must not look like a thread id. */
export const aliasSchema = v.pipe(
  v.string('must be text'),
  v.regex(
    new RegExp(`^(?!th_)[A-Za-z0-9][A-Za-z0-9._-]{0,${MAX_ALIAS_CHARS - 1}}$`),
    `must be 1 to ${MAX_ALIAS_CHARS} of A-Z a-z 0-9 . _ - and not begin with th_`,
  ),
);

/** The name that a fan-out shares with its earlier and later runs: `release` of `release #4`. */
export const runNameSchema = v.pipe(
  nonEmpty(MAX_ALIAS_CHARS),
  v.check(
    name => !/^th_|[#\p{Cc}\u2028\u2029]|^\s|\s$/u.test(name),
    'must be one line without #, without spaces at its ends, and not begin with th_',
  ),
);

export const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const;
const prioritySchema = v.picklist(PRIORITIES, 'must be critical, high, medium or low');

export const taskAddSchema = v.strictObject({
  goal: nonEmpty(MAX_GOAL_CHARS),
  alias: v.optional(v.nullable(aliasSchema), null),
  priority: v.optional(prioritySchema, 'medium'),
  labels: v.optional(
    v.pipe(v.array(nonEmpty(64), 'must be a list'), v.maxLength(64, 'must have at most 64 entries')),
    [],
  ),
  domain: v.optional(v.nullable(text(256)), null),
  hypothesis: v.optional(v.nullable(text(MAX_GOAL_CHARS)), null),
  criteria: v.optional(
    v.pipe(v.array(nonEmpty(4096), 'must be a list'), v.maxLength(64, 'must have at most 64 entries')),
    [],
  ),
  namespace: v.optional(v.nullable(text(256)), null),
  /** The absolute path of the folder in which attempts run, unless a subtask names another. */
  dir: v.optional(v.nullable(folder), null),
  /** The tasks that must be approved before this one starts: aliases, thread ids, or unambiguous prefixes of either. */
  depends_on: v.optional(
    v.pipe(v.array(nonEmpty(256), 'must be a list'), v.maxLength(256, 'must have at most 256 entries')),
  ),
});

export const LOSERS = ['keep', 'drain', 'cancel'] as const;

export const fanOutSchema = v.strictObject({
  /** `decodeSubtask` decodes each one, and names the subtask, the key and the position of a fault. */
  subtasks: v.pipe(
    v.array(v.unknown(), 'must be a list'),
    v.minLength(1, 'must not be empty: a fan-out has at least one subtask'),
    v.maxLength(MAX_SUBTASKS, `must have at most ${MAX_SUBTASKS} entries`),
  ),
  /** `all`, `any`, `k_of_n:K` or a CEL expression. */
  join: v.optional(nonEmpty(8192), 'all'),
  losers: v.optional(v.picklist(LOSERS, 'must be keep, drain or cancel'), 'drain'),
  timeout_secs: v.optional(v.nullable(seconds), null),
  budget_usd: v.optional(v.nullable(amount), null),
  budget_tokens: v.optional(v.nullable(amount), null),
  budget_secs: v.optional(v.nullable(amount), null),
  namespace: v.optional(v.nullable(text(256)), null),
  dir: v.optional(v.nullable(folder), null),
  /** Environment variables of all its subtasks. */
  env: v.exactOptional(v.nullable(envSchema)),
  /** True when nobody can answer: a subtask that needs a person is rejected and does not wait. */
  no_input: v.exactOptional(v.boolean('must be true or false')),
  /** The most subtasks that run at a time; null for no limit of its own. */
  max_parallel: v.exactOptional(v.nullable(atLeast(1, MAX_SUBTASKS))),
  /** The name of its runs. The fan-out gets the next number of that name in its namespace. */
  run: v.exactOptional(runNameSchema),
  /** Its share of the slots beside other fan-outs; absent or null for the priority of its task. */
  priority: v.exactOptional(v.nullable(prioritySchema)),
  /** True to run every subtask, also where an accepted attempt could be reused. */
  force: v.exactOptional(v.boolean('must be true or false')),
});

/** A task with its fan-out. Without `depends_on`, because a waiting task can't be fanned out. */
export const fanOutOpenSchema = v.strictObject({
  ...v.omit(taskAddSchema, ['depends_on']).entries,
  fan_out: fanOutSchema,
});

const subtaskRefs = v.pipe(
  v.array(subtaskRef, 'must be a list of subtasks'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(10_000, 'must have at most 10000 entries'),
);

export const rerunSchema = v.strictObject({
  /** True to run every subtask, also where an accepted attempt could be reused. */
  force: v.exactOptional(v.boolean('must be true or false')),
});

/** Exactly one of `subtask`, `subtasks` and `failed`; `failed` means all subtasks that did not accept. */
export const retrySchema = v.strictObject({
  subtask: v.exactOptional(subtaskRef),
  subtasks: v.exactOptional(subtaskRefs),
  failed: v.exactOptional(v.boolean('must be true or false')),
  hint: v.optional(v.nullable(text(MAX_GOAL_CHARS)), null),
});

export const cancelSchema = v.strictObject({
  /** Null for the whole task. */
  subtask: v.optional(v.nullable(subtaskRef), null),
  reason: v.optional(v.nullable(text(4096)), null),
});

/** The maximum number of tasks that one call archives. */
export const MAX_ARCHIVED = 1_000;

/** Either `tasks` or `done`; `done` means all finished tasks in the namespace. */
export const archiveSchema = v.strictObject({
  tasks: v.exactOptional(
    v.pipe(
      v.array(nonEmpty(256), 'must be a list of tasks'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(MAX_ARCHIVED, `must have at most ${MAX_ARCHIVED} entries`),
    ),
  ),
  done: v.exactOptional(v.literal(true, 'must be true')),
  namespace: v.optional(v.nullable(text(256)), null),
  /** True to show them in lists again. */
  undo: v.optional(v.boolean('must be true or false'), false),
});

/** The actions by which people set the status of a task. */
export const TASK_ACTIONS = [
  'start',
  'done',
  'fail',
  'approve',
  'reject',
  'block',
  'defer',
  'reopen',
] as const;

const reason = v.optional(v.nullable(text(4096)), null);

/** The input of each action beside the task. */
export const taskActionSchemas = {
  start: v.strictObject({ reason }),
  /** A summary of the work, for the reviewer. */
  done: v.strictObject({ summary: v.optional(v.nullable(text(MAX_GOAL_CHARS)), null) }),
  fail: v.strictObject({ reason }),
  approve: v.strictObject({ reason }),
  reject: v.strictObject({ reason }),
  /** A reason, or the task whose approval ends the block, or both. */
  block: v.strictObject({ reason, on: v.optional(v.nullable(nonEmpty(256)), null) }),
  /** The end of the deferral, in seconds since 1970; null: until the task is started. */
  defer: v.strictObject({
    reason,
    until_unix: v.optional(
      v.nullable(
        v.pipe(
          v.number('must be a time in seconds since 1970'),
          v.minValue(0, 'must not be negative'),
          v.maxValue(253_402_300_799, 'must be before the year 10000'),
        ),
      ),
      null,
    ),
  }),
  reopen: v.strictObject({ reason }),
} as const;

export const runSerialSchema = v.strictObject({
  /** The worker to run on, as an alias or a DID; null picks the least loaded. */
  worker: v.optional(v.nullable(nonEmpty(256)), null),
});

export const namespaceCreateSchema = v.strictObject({
  /** Up to four segments separated by `/`. The rules check each segment. */
  id: nonEmpty(4096),
  description: v.optional(v.nullable(text(4096)), null),
  /** The limits on the work in the namespace and below. Absent: the present policy stays. Empty: no limits. */
  policy: v.exactOptional(policySchema),
});

export const worktreeRemoveSchema = v.strictObject({
  /** Its name, its branch or its folder. */
  worktree: nonEmpty(4096),
  /** Discards uncommitted changes, and deletes the branch even when no other branch has its commits. */
  force: v.optional(v.boolean('must be true or false'), false),
});

export const FREEZE_LEVELS = ['soft', 'hard'] as const;

const frozenNamespace = v.optional(v.nullable(nonEmpty(256)), null);
const emergency = v.optional(v.boolean('must be true or false'), false);

/** Either a namespace or the emergency stop. The rules check the combinations allowed for an emergency stop. */
export const killSchema = v.strictObject({
  namespace: frozenNamespace,
  emergency,
  /** Null for soft. */
  level: v.optional(v.nullable(v.picklist(FREEZE_LEVELS, 'must be soft or hard')), null),
  /** Null for 60 seconds. */
  grace_secs: v.optional(
    v.nullable(
      v.pipe(
        v.number('must be a number of seconds'),
        v.minValue(0, 'must not be negative'),
        v.maxValue(86_400, 'must be at most a day'),
      ),
    ),
    null,
  ),
  reason: v.optional(v.nullable(text(4096)), null),
});

export const unkillSchema = v.strictObject({ namespace: frozenNamespace, emergency });

export const RULE_EFFECTS = ['deny', 'allow'] as const;

export const ruleAddSchema = v.strictObject({
  name: nonEmpty(63),
  /** A CEL expression over actor, act, ns (the namespace) and record. */
  rule: nonEmpty(4_000),
  effect: v.optional(v.picklist(RULE_EFFECTS, 'must be deny or allow'), 'deny'),
});

/** A record to test the rules with. It is not written. */
export const ruleTestSchema = v.strictObject({
  actor: didSchema,
  act: v.picklist(ACTS, `must be one of ${ACTS.join(', ')}`),
  namespace: v.optional(nonEmpty(256), 'default'),
  thread: v.optional(nonEmpty(131), 'th_test'),
  body: v.optional(jsonObjectSchema, {}),
});

export const CONFLICT_CHOICES = ['skip', 'fail', 'accept-existing'] as const;
/** The maximum number of records in one restore request. */
export const MAX_RESTORED = 10_000;

/** Records of a snapshot, with the signatures known to their home. */
export const recordsRestoreSchema = v.strictObject({
  records: v.pipe(
    v.array(
      v.strictObject({
        record: jsonObjectSchema,
        /** The index of the record's signature; null for a record that its home's own instance wrote. */
        signature: v.nullable(atLeast(0, MAX_RESTORED)),
      }),
      'must be a list',
    ),
    v.maxLength(MAX_RESTORED, `must have at most ${MAX_RESTORED} records`),
  ),
  signatures: v.array(
    v.strictObject({
      by: nonEmpty(256),
      sig: nonEmpty(256),
      /** The ids that the signature covers, in order. */
      ids: v.array(nonEmpty(64)),
      /** Base64url; null where the home did not know it. */
      public_key: v.nullable(nonEmpty(256)),
    }),
    'must be a list',
  ),
  /** The treatment of a record that conflicts with one already here. */
  on_conflict: v.optional(
    v.picklist(CONFLICT_CHOICES, `must be one of ${CONFLICT_CHOICES.join(', ')}`),
    'fail',
  ),
  /** Checks everything and writes nothing. */
  dry_run: v.optional(v.boolean('must be true or false'), false),
});

/** The maximum number of shared threads. */
export const MAX_SHARED = 64;

/** The maximum number of slots of one worker. */
export const MAX_SLOTS = 64;

export const fleetStartSchema = v.strictObject({
  workers: v.optional(atLeast(0, 64), 2),
  /** The executor, from now on, of subtasks that name none, on the whole fleet; null leaves it unchanged. */
  executor: v.optional(v.nullable(nonEmpty(64)), null),
  /** The least number of slots of all live workers: one more worker is launched with those that are missing. */
  slots: v.exactOptional(atLeast(1, MAX_SLOTS)),
  /** True to end the launched workers once no fan-out is open. */
  temporary: v.exactOptional(v.boolean('must be true or false')),
  /** The complete list of threads that every command may read from now on. Absent: unchanged. */
  share: v.exactOptional(
    v.pipe(
      v.array(nonEmpty(256), 'must be a list'),
      v.maxLength(MAX_SHARED, `must have at most ${MAX_SHARED} entries`),
    ),
  ),
});

export const fleetStopSchema = v.strictObject({
  scope: v.optional(v.picklist(['workers', 'all'], 'must be workers or all'), 'workers'),
  /** An alias or a DID: only this instance. */
  instance: v.optional(v.nullable(nonEmpty(256)), null),
  grace_secs: v.optional(
    v.pipe(
      v.number('must be a number of seconds'),
      v.minValue(0, 'must not be negative'),
      v.maxValue(86_400, 'must be at most a day'),
    ),
    10,
  ),
});

export const fleetRestartSchema = v.strictObject({ instance: nonEmpty(256) });

export type TaskAdd = v.InferOutput<typeof taskAddSchema>;
export type FanOutRequest = v.InferOutput<typeof fanOutSchema>;
export type FanOutOpen = v.InferOutput<typeof fanOutOpenSchema>;
export type Priority = (typeof PRIORITIES)[number];
export type Rerun = v.InferOutput<typeof rerunSchema>;
export type Retry = v.InferOutput<typeof retrySchema>;
export type Archive = v.InferOutput<typeof archiveSchema>;
export type Cancel = v.InferOutput<typeof cancelSchema>;
export type TaskAction = (typeof TASK_ACTIONS)[number];
export type TaskActionInput<V extends TaskAction> = v.InferOutput<(typeof taskActionSchemas)[V]>;
export type RunSerial = v.InferOutput<typeof runSerialSchema>;
export type NamespaceCreate = v.InferOutput<typeof namespaceCreateSchema>;
export type WorktreeRemove = v.InferOutput<typeof worktreeRemoveSchema>;
export type Kill = v.InferOutput<typeof killSchema>;
export type Unkill = v.InferOutput<typeof unkillSchema>;
export type FreezeLevel = (typeof FREEZE_LEVELS)[number];
export type RuleEffect = (typeof RULE_EFFECTS)[number];
export type RuleAdd = v.InferOutput<typeof ruleAddSchema>;
export type RuleTest = v.InferOutput<typeof ruleTestSchema>;
export type ConflictChoice = (typeof CONFLICT_CHOICES)[number];
export type RecordsRestore = v.InferOutput<typeof recordsRestoreSchema>;
export type FleetStart = v.InferOutput<typeof fleetStartSchema>;
export type FleetStop = v.InferOutput<typeof fleetStopSchema>;
export type FleetRestart = v.InferOutput<typeof fleetRestartSchema>;
export type Losers = (typeof LOSERS)[number];
