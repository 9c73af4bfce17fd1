import type {
  ChildVerdict,
  Counts,
  Outcome,
  OwnNamespaceStatus,
  RunDocument,
  Verdict,
} from '../../contract/documents.ts';
import type { FreezeLevel, Losers, RuleEffect, TaskAction } from '../../contract/commands.ts';
import type { Variables } from '../../subtask/variables.ts';
import type { Policy } from '../../contract/policy.ts';
import type { Json, JsonObject } from '../../record/canonical.ts';
import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import { isInstanceDid } from '../../record/ids.ts';
import type { FleetRecord } from '../../record/record.ts';
import type { DeliveryMembers } from '../../subtask/delivery.ts';
import type { MatrixValues } from '../../subtask/matrix.ts';
import type { WrittenSubtasks } from '../../subtask/encoding.ts';

/**
 * The topics of the fleet's own records. `heartbeat`, `instance_*`, `fanout_*`, `task_*`, `namespace_*` and the freezes
 * count only from the instance that is allowed to write them.
 */
export const TOPIC = {
  task: 'task',
  fanOut: 'fanout',
  child: 'fanout_child',
  spawned: 'fanout_spawned',
  returned: 'fanout_returned',
  expanded: 'fanout_expanded',
  childStarted: 'fanout_child_started',
  childResult: 'fanout_child_result',
  childDone: 'fanout_child_done',
  join: 'fanout_join_complete',
  retry: 'fanout_retry_subtask',
  cancel: 'task_cancel',
  start: 'task_start',
  done: 'task_done',
  fail: 'task_fail',
  approve: 'task_approve',
  reject: 'task_reject',
  block: 'task_block',
  defer: 'task_defer',
  reopen: 'task_reopen',
  archive: 'task_archive',
  admitted: 'instance_admitted',
  status: 'instance_status',
  fleetConfig: 'fleet_config',
  heartbeat: 'heartbeat',
  outboxAcked: 'outbox_acked',
  commandDone: 'fleet_command',
  threadRestored: 'thread_restored',
  ruleAdded: 'rule_added',
  ruleRemoved: 'rule_removed',
  namespaceStatus: 'namespace_status',
  freeze: 'freeze',
  unfreeze: 'unfreeze',
  emergencyStop: 'emergency_stop',
  emergencyClear: 'emergency_clear',
} as const;

const RESERVED_TOPIC =
  /^(?:heartbeat|task|task_.*|fanout|fanout_.*|instance_.*|fleet_.*|outbox_.*|thread_.*|rule_.*|namespace_.*|freeze|unfreeze|emergency_stop|emergency_clear)$/;

/** Returns true for topics that only the fleet itself may write. Clients' records with these topics are refused. */
export function isReservedTopic(topic: unknown): boolean {
  return typeof topic === 'string' && RESERVED_TOPIC.test(topic);
}

/** The members of a record that identify a repetition of its command. */
export interface KeyedBody {
  readonly idempotency_key?: string;
  /** The digest of the operation and its input. */
  readonly idempotency_digest?: string;
}

/** INTEND that creates a task. */
export interface TaskBody extends KeyedBody {
  readonly topic: 'task';
  readonly goal: string;
  readonly alias: string;
  readonly priority: string;
  readonly labels: readonly string[];
  readonly domain?: string | null;
  readonly hypothesis?: string | null;
  readonly criteria: readonly string[];
  readonly dir?: string | null;
  readonly namespace?: string;
  /** The tasks that must be approved before this one starts. */
  readonly depends_on?: readonly ThreadId[];
}

/** INTEND that opens a fan-out, on its task's thread. */
export interface FanOutBody extends KeyedBody {
  readonly topic: 'fanout';
  readonly goal: string;
  readonly defaults: WrittenSubtasks['defaults'];
  readonly subtasks: WrittenSubtasks['subtasks'];
  readonly join: string;
  readonly losers: Losers;
  readonly timeout_secs?: number | null;
  readonly budget_usd?: number | null;
  readonly budget_tokens?: number | null;
  readonly budget_secs?: number | null;
  /** The thread of the fan-out whose serial baseline this is; absent for any other fan-out. */
  readonly serial_of?: ThreadId | null;
  /** Nobody can answer: a subtask that needs a person is rejected. */
  readonly no_input?: true;
  /** The most subtasks that run at a time; absent for no limit of its own. */
  readonly max_parallel?: number;
  /** Environment variables of all its subtasks. */
  readonly env?: Variables | null;
  /** The name of the submitter's stored environment; absent where the submitter provided none. */
  readonly environment?: string;
  readonly namespace?: string;
  /** Its number among the fan-outs of that name in its namespace; absent without a name. */
  readonly run?: RunDocument;
  /** Its own priority; absent for that of its task. */
  readonly priority?: string;
  /** Every subtask runs, also where an accepted attempt could be reused. */
  readonly force?: true;
}

/** INTEND on a child's thread: one delivery of one attempt to one worker. Its clock is the delivery's number. */
export interface ChildBody extends DeliveryMembers {
  readonly topic: 'fanout_child';
  readonly parent_thread: ThreadId;
  readonly task: string;
  readonly index: number;
  readonly attempt: number;
  readonly worker: Did;
  readonly hint?: string | null;
  /** True when an earlier attempt was lost with its worker and may have run in part. */
  readonly may_have_run?: boolean;
  readonly namespace?: string;
  /** The subtask's dependencies, for an agent; absent members are null. */
  readonly depends?: readonly WrittenDependency[];
  /** The results that the values of `env` refer to, as text, by `resultName`. */
  readonly results?: Readonly<Record<string, string>>;
  /** The conversation of an earlier attempt. */
  readonly session?: string;
  /** The branch with the changes of the last attempt. */
  readonly earlier_branch?: string;
  /** The name of the stored environment in which its commands run; absent for the worker's own. */
  readonly environment?: string;
  /** The accepted attempts of the same work, newest first; absent where there are none, and where it must run. */
  readonly reuse?: readonly Reusable[];
  /** True for a subtask with inputs that waited for nothing but the opening of its fan-out. */
  readonly independent?: true;
}

/** An accepted attempt of an earlier fan-out. */
export interface UsedAttempt {
  readonly thread: ThreadId;
  /** The alias of its task. */
  readonly task: string;
  readonly index: number;
  readonly name?: string;
  readonly attempt: number;
  /** True when its report has results. */
  readonly results?: true;
}

/** An accepted attempt that can be reused while its files have these digests. */
export interface Reusable extends UsedAttempt {
  readonly inputs_digest: string;
  readonly outputs_digest: string;
}

/** The facts about a dependency in a delivery. */
export interface WrittenDependency {
  readonly index: number;
  readonly name?: string;
  readonly summary: string;
  readonly branch?: string;
}

/** DO on the parent thread: these deliveries go to this worker. Each is [index, attempt, delivery]. */
export interface SpawnedBody {
  readonly topic: 'fanout_spawned';
  readonly round: number;
  readonly worker: Did;
  readonly children: readonly (readonly [index: number, attempt: number, delivery: number])[];
}

/** DO on the parent thread: these deliveries came back and do not count as attempts. */
export interface ReturnedBody {
  readonly topic: 'fanout_returned';
  readonly worker: Did;
  readonly reason: string;
  readonly children: readonly (readonly [index: number, delivery: number])[];
  /** True when they had started; their effects before they were ended remain. */
  readonly begun?: boolean;
}

/**
 * DO on the parent thread: the matrix of a subtask has these values. The subtask of the first combination takes its
 * index; those of the others follow the present subtasks.
 */
export interface ExpandedBody {
  readonly topic: 'fanout_expanded';
  readonly index: number;
  /** The values of each key. The last key changes fastest. */
  readonly values: MatrixValues;
}

/** A worker's description of a result, in its own KNOW and in its report. */
export interface ResultFields {
  readonly verdict: Verdict;
  readonly reason?: string | null;
  readonly exit_code?: number | null;
  readonly signal?: string | null;
  readonly summary?: string;
  readonly cost_usd: number;
  readonly wall_time_secs: number;
  readonly left_group?: readonly string[];
  readonly output?: { readonly path: string; readonly size: number; readonly digest: string } & JsonObject;
  /** The input and output tokens of the attempt, where its tool reported them. */
  readonly tokens?: number;
  /** The tool's name for its conversation, with which a later attempt can continue it. */
  readonly session?: string;
  /** It failed for lack of quota. The reset time is in seconds since 1970, where the tool named one. */
  readonly quota?: { readonly resets_at_unix?: number } & JsonObject;
  /** The content of the file `$SPL_RESULTS`; only in its report. */
  readonly results?: JsonObject;
  /** The branch and folder of its changes, if it ran in its own worktree. */
  readonly work?: Work & JsonObject;
  /** The question that a person must answer before it can continue. */
  readonly asks?: string;
  /** True when the tool reported no cost; `cost_usd` is 0 then. */
  readonly cost_unknown?: true;
  /** The digest of its declared inputs and the platform, if they were the same at its begin and at its end. */
  readonly inputs_digest?: string;
  /** The digest of its declared outputs at its end. */
  readonly outputs_digest?: string;
  /** The accepted attempt that made a run unnecessary: nothing declared has changed since. */
  readonly reused?: UsedAttempt & JsonObject;
}

/**
 * The changes of an attempt that ran in its own worktree: a branch that started at `base` and is checked out in `dir`.
 */
export interface Work {
  readonly branch: string;
  /** The commit that the branch started at. */
  readonly base: string;
  readonly dir: string;
}

/** KNOW on the child's thread, by the worker that ran it. */
export interface ChildResultBody extends ResultFields {
  readonly topic: 'fanout_child_result';
  readonly attempt: number;
}

/**
 * DO on the parent thread: a delivery ended. Written by its worker, or by the coordinator where no worker can report.
 */
export interface ChildDoneBody extends Omit<ResultFields, 'verdict'> {
  readonly topic: 'fanout_child_done';
  /** `skipped` is written only by the coordinator, for a follow-up that was not needed. */
  readonly verdict: ChildVerdict;
  readonly index: number;
  readonly attempt: number;
  /** The number of the delivery; -1 for a child that was never delivered (cancelled while pending). */
  readonly delivery: number;
  /** True when the attempt was lost with its worker; false when it failed by itself. */
  readonly lost?: boolean;
  /** The child whose end caused this child's end, or absent. */
  readonly cause?: number;
}

/** KNOW on the parent thread that fulfils the fan-out: exactly one per round. */
export interface JoinBody {
  readonly topic: 'fanout_join_complete';
  readonly round: number;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly counts: Counts;
  readonly children: readonly {
    readonly index: number;
    readonly verdict: Verdict | null;
    readonly report: RecordId | null;
  }[];
}

/** LEARN on the parent thread: a subtask is to run again. Opens a round when the fan-out had joined. */
export interface RetryBody extends KeyedBody {
  readonly topic: 'fanout_retry_subtask';
  readonly index: number;
  /** Further subtasks that run again with it. */
  readonly also?: readonly number[];
  readonly hint?: string | null;
  readonly round: number;
  /** The children that the last round's join ended and that run again too; absent for none. */
  readonly losers?: readonly number[];
  /** The name of the stored environment of the person who retries. Everything that runs again runs in it. */
  readonly environment?: string;
  readonly issued_by: Did;
}

/** LEARN on the task's thread. */
export interface CancelBody extends KeyedBody {
  readonly topic: 'task_cancel';
  /** Absent for the whole task. */
  readonly subtask?: number | null;
  readonly reason?: string | null;
  readonly issued_by: Did;
  readonly issued_at_unix?: number;
}

/** A task action, on the task's thread: KNOW for done work and its judgement, DO for a start, LEARN otherwise. */
export interface TaskWordBody extends Issued, KeyedBody {
  readonly topic: (typeof TOPIC)[TaskAction];
  readonly reason?: string | null;
  /** For `done`: a summary of the work. */
  readonly summary?: string | null;
  /** For `block`: the task whose approval ends the block. */
  readonly on?: ThreadId | null;
  /** For `defer`. */
  readonly until_unix?: number | null;
}

/** LEARN on the task's thread, by the coordinator: lists leave the task out, or show it again. */
export interface ArchiveBody extends Issued {
  readonly topic: 'task_archive';
  readonly archived: boolean;
}

/** LEARN on the instance registry, by the coordinator: this instance belongs to the fleet. */
export interface AdmittedBody {
  readonly topic: 'instance_admitted';
  readonly did: Did;
  readonly alias: string;
  readonly role: 'coordinator' | 'worker';
  readonly home: string;
  readonly public_key: string;
}

/** DO on the instance registry, by the coordinator: the status of an instance. */
export interface StatusBody {
  readonly topic: 'instance_status';
  readonly did: Did;
  readonly status: 'live' | 'stale' | 'archived' | 'stopped';
  readonly reason?: string | null;
}

/** LEARN on the instance registry, by the coordinator: settings of the whole fleet. */
export interface FleetConfigBody {
  readonly topic: 'fleet_config';
  /** The executor of subtasks that name none, if this record sets it. */
  readonly executor?: string;
  /** The complete list of threads that every command may read, if this record sets it. */
  readonly shared?: readonly SharedThread[];
}

/** A thread that is mirrored as a file. */
export interface SharedThread {
  readonly thread: ThreadId;
  /** The name of its file: the task's alias at the time of sharing, else the thread. */
  readonly name: string;
}

/** LEARN on the namespace registry, by the coordinator: the status and policy of a namespace. */
export interface NamespaceStatusBody {
  readonly topic: 'namespace_status';
  readonly id: string;
  readonly status: OwnNamespaceStatus;
  readonly description?: string | null;
  /** The limits on its work; absent for none. */
  readonly policy?: Policy | null;
  readonly issued_by: Did;
}

/** LEARN on the engine's thread, by the coordinator: a command that has a key and is not about a task is done. */
export interface CommandDoneBody extends Issued, KeyedBody {
  readonly topic: 'fleet_command';
  readonly operation: string;
  /** The answer to the command, if it is short; never a secret. */
  readonly answer?: Json;
}

/**
 * LEARN on the engine's thread, by the coordinator: this thread is that of another home's task, and only history here.
 */
export interface ThreadRestoredBody extends Issued {
  readonly topic: 'thread_restored';
  readonly thread: ThreadId;
}

/** LEARN on the engine's thread, by the coordinator: a rule that applies to all writes from now on. */
export interface RuleAddedBody {
  readonly topic: 'rule_added';
  readonly name: string;
  readonly rule: string;
  readonly effect: RuleEffect;
  readonly issued_by: Did;
}

/** LEARN on the engine's thread, by the coordinator: the rule no longer applies. */
export interface RuleRemovedBody {
  readonly topic: 'rule_removed';
  readonly name: string;
  readonly issued_by: Did;
}

interface Issued {
  readonly issued_by: Did;
  readonly issued_at_unix: number;
}

/** LEARN on the control thread, by the coordinator: nothing new starts in this namespace or below it. */
export interface FreezeBody extends Issued {
  readonly topic: 'freeze';
  readonly namespace: string;
  readonly level: FreezeLevel;
  readonly reason?: string | null;
  /** The time after which running work there is ended, in seconds, if the level is hard. */
  readonly grace_secs: number;
}

/** LEARN on the control thread: the freeze of a namespace ends. */
export interface UnfreezeBody extends Issued {
  readonly topic: 'unfreeze';
  readonly namespace: string;
}

/** LEARN on the control thread: the emergency stop begins or ends. */
export interface EmergencyBody extends Issued {
  readonly topic: 'emergency_stop' | 'emergency_clear';
  readonly reason?: string | null;
}

/** DO on the instance registry, by the instance itself. */
export interface HeartbeatBody {
  readonly topic: 'heartbeat';
  readonly did: Did;
  readonly alias: string;
  readonly role: 'coordinator' | 'worker';
  readonly endpoint?: string | null;
  readonly version: string;
  readonly health: 'healthy' | 'draining';
  readonly pid: number;
  readonly pid_start?: string | null;
  readonly slots: number;
  readonly uptime_secs: number;
  readonly active_dispatches: number;
  readonly store_records: number;
}

export type TopicBody =
  | TaskBody
  | FanOutBody
  | ChildBody
  | SpawnedBody
  | ReturnedBody
  | ExpandedBody
  | ChildResultBody
  | ChildDoneBody
  | JoinBody
  | RetryBody
  | CancelBody
  | TaskWordBody
  | ArchiveBody
  | AdmittedBody
  | StatusBody
  | FleetConfigBody
  | CommandDoneBody
  | NamespaceStatusBody
  | FreezeBody
  | UnfreezeBody
  | EmergencyBody
  | ThreadRestoredBody
  | RuleAddedBody
  | RuleRemovedBody
  | HeartbeatBody;

/**
 * Returns a typed body as the plain JSON of a record. Null members are left out and the others are sorted, so that the
 * canonical text needs no sort. The body types contain only JSON.
 */
export function asJson(body: TopicBody): JsonObject {
  const members = body as unknown as JsonObject;
  const json: { [key: string]: Json | undefined } = {};
  for (const key of Object.keys(members).sort()) {
    const member = members[key];
    if (member !== null && member !== undefined) json[key] = member;
  }
  return json;
}

/** Returns the topic of a record, or undefined when its body has none. */
export function topicOf(record: FleetRecord): string | undefined {
  const topic: Json | undefined = record.body['topic'];
  return typeof topic === 'string' ? topic : undefined;
}

/** Returns true when a record of a reserved topic comes from the kind of author that may write it. */
export function isFromInstance(record: FleetRecord): boolean {
  return isInstanceDid(record.actor);
}
