import type { FreezeLevel, Losers, RuleEffect } from '../../contract/commands.ts';
import type { Variables } from '../../subtask/variables.ts';
import type {
  ChildVerdict,
  Counts,
  Outcome,
  OwnNamespaceStatus,
  RunDocument,
} from '../../contract/documents.ts';
import type { Echoed } from '../../contract/echo.ts';
import { subtaskWord } from '../../contract/format.ts';
import type { Policy } from '../../contract/policy.ts';
import type { Json, JsonObject } from '../../record/canonical.ts';
import { childThreadId, type Did, type RecordId, type ThreadId } from '../../record/ids.ts';
import type { Reusable, SharedThread, UsedAttempt, Work } from './record-bodies.ts';
import type { Breakers } from './circuit-breakers.ts';
import type { Budget } from './budgets.ts';
import type { IndexQueue } from './index-queue.ts';
import type { Predicate } from './predicate.ts';
import { UNTOUCHED, type TaskHistory } from './task-status.ts';
import type { MatrixValues } from '../../subtask/matrix.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import type { SubtaskState } from './subtask-machine.ts';
import { Turns } from './turns.ts';
import type { WorkerStatus } from './worker-machines.ts';
import type { Usages } from './namespace-usage.ts';

/** A command with an idempotency key. */
export interface Keyed {
  /** The digest of the operation and its input; null in records of versions that stored none. */
  readonly digest: string | null;
  /** The task that the command created or changed; null for none. */
  readonly thread: ThreadId | null;
  /** The answer to the command; undefined where the state has it, or where it was too long. */
  readonly answer?: Json;
}

/**
 * The state that the log folds to: everything that the rules need to decide, derived from records alone. It is rebuilt
 * by replay, or restored from a checkpoint and brought up to date.
 */
export interface FleetState {
  readonly tasks: Map<ThreadId, Task>;
  /** The newest task of each alias. */
  readonly aliases: Map<string, ThreadId>;
  /** The numbered runs of each name, oldest first. */
  readonly runs: Map<string, Run[]>;
  readonly instances: Map<Did, Instance>;
  /** The tasks that wait for each task; derived from the tasks. */
  readonly dependants: Map<ThreadId, Set<ThreadId>>;
  /** Threads of tasks with an open fan-out: not joined, or with children that have not ended. */
  readonly open: Set<ThreadId>;
  /** The fan-outs that may have children ready to start, in turn order. */
  readonly startable: Turns<FanOut>;
  /** The executor of subtasks that name none, if one was set for the fleet. */
  defaultExecutor: string | null;
  /** The threads that every command may read. */
  shared: readonly SharedThread[];
  /** The registered namespaces by id, without `default`. */
  readonly namespaces: Map<string, Namespace>;
  /** The running attempts and the spending of each namespace, including all below it. */
  readonly usages: Usages;
  /** The permission rules for all writes, by name. */
  readonly rules: Map<string, Rule>;
  /** The threads of other homes' tasks that were restored here. They are history, not tasks. */
  readonly restored: Set<ThreadId>;
  /** The freezes by namespace. Each includes all below it. */
  readonly freezes: Map<string, Freeze>;
  /** While not null, nothing new starts anywhere. */
  emergency: Emergency | null;
  /** The executors that are out of quota. */
  readonly breakers: Breakers;
  /**
   * The names of environments that are no longer stored. The owner of the environments reports them; they are in no
   * record.
   */
  readonly goneEnvironments: Set<string>;
  /** The coordinator's next clock on the threads that only it writes. */
  readonly ownClocks: Map<ThreadId, number>;
  /** The next clock of every actor on the registry thread. */
  readonly registryClocks: Map<Did, number>;
  /** The commands with an idempotency key, by actor and key, newest last. */
  readonly idempotency: Map<string, Keyed>;
  /** The accepted attempts that can be reused, by the keys of their work, the last used last; see `reuse.ts`. */
  readonly reusable: Map<string, readonly Reusable[]>;
}

/** A numbered run, with the facts that find it without its fan-out. */
export interface Run extends RunDocument {
  readonly thread: ThreadId;
  /** The namespace of the fan-out. */
  readonly namespace: string;
  /** The time at which it was written, in ms. */
  readonly at: number;
}

export interface Namespace {
  /** Its own status. It may be active below an archived namespace. */
  readonly status: OwnNamespaceStatus;
  readonly description: string | null;
  /** Its own policy; null without limits. */
  readonly policy: Policy | null;
}

export interface Rule {
  /** A CEL expression. */
  readonly source: string;
  readonly effect: RuleEffect;
  readonly issuedBy: Did;
}

export interface Emergency {
  readonly reason: string | null;
  readonly issuedBy: Did;
  /** In ms. */
  readonly issuedAt: number;
}

export interface Freeze extends Emergency {
  readonly level: FreezeLevel;
  /** The time from `issuedAt` until running work there is ended, if the level is hard. */
  readonly graceMs: number;
}

/** The facts of a task that are set when it is created and never change. */
export interface TaskFacts {
  readonly thread: ThreadId;
  readonly intent: RecordId;
  readonly actor: Did;
  readonly alias: string;
  readonly goal: string;
  readonly priority: string;
  readonly labels: readonly string[];
  readonly domain: string | null;
  readonly hypothesis: string | null;
  readonly criteria: readonly string[];
  readonly dir: string | null;
  readonly namespace: string;
  readonly createdAt: number;
  /** The tasks that must be approved before this one starts. */
  readonly dependsOn: readonly ThreadId[];
}

/**
 * A task and its state. The fan-out of a finished task may be kept as the bytes of a checkpoint and is loaded on
 * demand, so that a home with a million records opens without reading the members of each fan-out.
 */
export class Task {
  readonly facts: TaskFacts;
  /** The next clock of every actor on this thread. */
  readonly clocks: Map<Did, number>;
  /** `at` in ms; null in logs without the time. */
  cancelled: { readonly reason: string | null; readonly by: Did; readonly at: number | null } | null = null;
  /** The state that task actions have led to. */
  standing: TaskHistory = UNTOUCHED;
  /** The outcome of the present round of its fan-out; available without loading the fan-out. */
  outcome: Outcome | null = null;
  /** True while lists leave it out. Work that starts again ends this. */
  archived = false;
  #fanOut: FanOut | null = null;
  #frozen: SerializedFanOut | null = null;

  constructor(facts: TaskFacts, clocks: Map<Did, number>) {
    this.facts = facts;
    this.clocks = clocks;
  }

  get thread(): ThreadId {
    return this.facts.thread;
  }
  get alias(): string {
    return this.facts.alias;
  }
  get goal(): string {
    return this.facts.goal;
  }

  get hasFanOut(): boolean {
    return this.#fanOut !== null || this.#frozen !== null;
  }

  get fanOut(): FanOut | null {
    if (this.#frozen === null) return this.#fanOut;
    const frozen = this.#frozen;
    this.#frozen = null;
    return (this.#fanOut = frozen.load(this));
  }

  /** Returns the facts of the fan-out that a list of tasks shows, without loading the fan-out. */
  get fanOutHead(): FanOutHead | null {
    return this.#frozen === null ? this.#fanOut : this.#frozen.head();
  }

  set fanOut(fanOut: FanOut | null) {
    this.#fanOut = fanOut;
    this.#frozen = null;
  }

  /** Returns the bytes of a fan-out that has not been loaded since it was frozen. */
  get serializedBytes(): Uint8Array | null {
    return this.#frozen?.bytes ?? null;
  }

  /** Keeps the fan-out as bytes until it is needed. */
  freeze(frozen: SerializedFanOut): void {
    this.#fanOut = null;
    this.#frozen = frozen;
  }
}

/** A finished fan-out as the bytes of a checkpoint. */
export interface SerializedFanOut {
  readonly bytes: Uint8Array;
  /** Reads the part before the subtasks. */
  head(): FanOutHead;
  load(task: Task): FanOut;
}

/** The facts of a fan-out that are available without its subtasks. */
export interface FanOutHead {
  readonly id: RecordId;
  readonly join: string;
  readonly losers: Losers;
  readonly timeoutMs: number | null;
  readonly serialOf: ThreadId | null;
  /** Null without a limit in any currency. */
  readonly budget: Budget | null;
  /** The task's namespace, or one below it. */
  readonly namespace: string;
  /** Null without a name. */
  readonly run: RunDocument | null;
  /** The time at which the fan-out, or the retry that opened this round, was written. */
  readonly roundStartedAt: number;
  /** True when nobody can answer questions. */
  readonly noInput: boolean;
  /** The most members that are out at a time; null for no limit of its own. */
  readonly maxParallel: number | null;
  /** Environment variables of all its subtasks, or null. */
  readonly env: Variables | null;
  /** The name of the submitter's stored environment, or null. */
  readonly environment: string | null;
  /** Its own priority; absent for that of its task. */
  readonly priority?: string;
  /** True when accepted attempts are not reused; else absent. */
  readonly force?: boolean;
  /** The counts of members. Follow-ups are counted separately. */
  readonly counts: Counts;
  /** The number of subtasks outside the join, which start once their dependencies have ended. */
  readonly followUps: number;
  /** The number of follow-ups that have not ended. */
  readonly openFollowUps: number;
  readonly round: number;
  readonly joined: Joined | null;
  /** The children that were accepted without running anything; null for none. */
  readonly echoed: Echoed | null;
}

export interface FanOut extends FanOutHead {
  readonly task: Task;
  /** The subtasks at the opening. Another run of the fan-out begins with these. */
  readonly opened: readonly CompleteSubtask[];
  /** The present subtasks: a matrix over results was replaced by the subtasks that it made. */
  subtasks: readonly CompleteSubtask[];
  /** The matrices that were replaced, in order. */
  readonly expansions: Expansion[];
  /** The indices of the pending subtasks whose matrix waits for results. */
  readonly matrices: Set<number>;
  readonly predicate: Predicate;
  children: readonly Child[];
  /** The children's threads, as far as `threadOf` has computed them. */
  readonly threads: (ThreadId | undefined)[];
  /** The dependants of each child, or null without any dependencies. */
  dependants: readonly (readonly number[])[] | null;
  readonly counts: Mutable<Counts>;
  openFollowUps: number;
  /**
   * The number of members that this round's retries run again and that have not ended. Until it is 0, the join is not
   * lost.
   */
  retrying: number;
  round: number;
  /** The time at which the fan-out, or the retry that opened this round, was written. */
  roundStartedAt: number;
  /** The INTEND or the retry that opened this round. */
  roundOpenedBy: RecordId;
  spawned: number;
  joined: Joined | null;
  echoed: Echoed | null;
  /** The indices of the children that wait for a person. */
  readonly asking: Set<number>;
  /** Children that may start, by kind of target. Outdated entries are skipped. */
  readonly ready: Map<string, IndexQueue>;
}

/** The values that replaced the matrix of a subtask. */
export interface Expansion {
  readonly index: number;
  readonly values: MatrixValues;
}

export interface Joined {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly census: Counts;
  readonly record: RecordId;
  at: number;
}

export interface Child {
  readonly index: number;
  /**
   * A child that waits for a person is pending, with its question in `asks`; `subtaskStateOf` distinguishes the two.
   */
  state: Exclude<SubtaskState, 'asking'>;
  /** The worker of the present or last delivery. */
  worker: Did | null;
  /** The number of the present or last attempt, from 1; 0 before the first. */
  attempt: number;
  /** The number of attempts that do not count against the allowed ones, such as those before the present retry. */
  spentBefore: number;
  /** The number of deliveries. The last one has this number minus one. */
  deliveries: number;
  /** The earliest start of the next attempt, in ms: the end of the back-off. */
  notBefore: number;
  /** The number of dependencies that have not accepted yet. */
  unmet: number;
  hint: string | null;
  /** True when an earlier attempt was lost with its worker and may have run in part. */
  mayHaveRun: boolean;
  verdict: ChildVerdict | null;
  reason: string | null;
  exitCode: number | null;
  signal: string | null;
  summary: string;
  costUsd: number;
  /** True when the tool reported no cost. */
  costUnknown: boolean;
  /** True when the attempt was lost with its worker; its duration is unknown. */
  lost: boolean;
  /** The question that waits for a person's answer. */
  asks: string | null;
  tokens: number;
  wallMs: number;
  report: RecordId | null;
  endedAt: number;
  /** The child whose end cancelled this one. */
  causedBy: number | null;
  afterJoin: boolean;
  /** True when it runs again in this round, because it or one of its dependencies was retried. */
  retried: boolean;
  /** The reason of a request to end it; it is not tried again. */
  cancelRequested: string | null;
  leftGroup: readonly string[] | null;
  output: { readonly path: string; readonly size: number } | null;
  /** The results of the last attempt that ended; null for none. */
  results: JsonObject | null;
  /** The conversation of the last attempt that reported one. The next attempt continues it. */
  session: string | null;
  /**
   * The name of the stored environment of the person who retried it; null where that person provided none; undefined:
   * the fan-out's.
   */
  environment: string | null | undefined;
  /** The branch and worktree with the changes of the last attempt. */
  work: Work | null;
  /** Attempts that ended before the present one, oldest first. */
  earlier: EarlierAttempt[] | null;
  /** The accepted attempts that its present delivery may reuse. */
  reuse: readonly Reusable[] | null;
  /** The accepted attempt that it was accepted for, without a run. */
  reused: UsedAttempt | null;
  /** The digest of its declared outputs at its end, if its worker could tell it. */
  outputsDigest: string | null;
}

export interface EarlierAttempt {
  readonly attempt: number;
  readonly worker: Did | null;
  readonly verdict: ChildVerdict;
  readonly reason: string | null;
  readonly costUsd: number;
  readonly costUnknown: boolean;
  /** Absent in checkpoints of versions that did not store it. */
  readonly lost?: boolean;
  readonly tokens: number;
  readonly wallMs: number;
  readonly work: Work | null;
  /** The time at which its end was written, in ms. */
  readonly endedAt: number;
}

export interface Instance {
  readonly did: Did;
  readonly alias: string;
  readonly role: 'coordinator' | 'worker';
  readonly home: string;
  readonly publicKey: string;
  endpoint: string | null;
  version: string;
  health: 'healthy' | 'draining';
  pid: number | null;
  pidStart: string | null;
  slots: number;
  status: WorkerStatus;
  note: string | null;
  /** The time of the last heartbeat that is in the log. The registry knows later ones. */
  lastHeartbeatAt: number | null;
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The state before the first record. */
export function emptyState(): FleetState {
  return {
    tasks: new Map(),
    aliases: new Map(),
    runs: new Map(),
    dependants: new Map(),
    instances: new Map(),
    open: new Set(),
    startable: new Turns(),
    defaultExecutor: null,
    shared: [],
    namespaces: new Map(),
    usages: new Map(),
    rules: new Map(),
    restored: new Set(),
    freezes: new Map(),
    emergency: null,
    breakers: new Map(),
    goneEnvironments: new Set(),
    ownClocks: new Map(),
    registryClocks: new Map(),
    idempotency: new Map(),
    reusable: new Map(),
  };
}

/** Returns the thread of a child. It is derived from the fan-out on demand, because hashing is expensive. */
export function threadOf(fanOut: FanOut, index: number): ThreadId {
  return (fanOut.threads[index] ??= childThreadId(fanOut.id, index, fanOut.subtasks[index]!.goal));
}

/** The members that most children never change. A child without a member of its own has the one here. */
const RARE = {
  spentBefore: 0,
  notBefore: 0,
  hint: null,
  mayHaveRun: false,
  reason: null,
  exitCode: null,
  signal: null,
  costUsd: 0,
  costUnknown: false,
  lost: false,
  asks: null,
  tokens: 0,
  causedBy: null,
  afterJoin: false,
  retried: false,
  cancelRequested: null,
  leftGroup: null,
  output: null,
  results: null,
  session: null,
  environment: undefined,
  work: null,
  earlier: null,
  reuse: null,
  reused: null,
  outputsDigest: null,
} as const satisfies Partial<Child>;

/** A pending child. Its rare members are in the prototype: of 100,000 children, they would take 17 MB. */
class NewChild {
  readonly index: number;
  state: Child['state'] = 'pending';
  worker: Did | null = null;
  attempt = 0;
  deliveries = 0;
  unmet: number;
  verdict: ChildVerdict | null = null;
  summary = '';
  wallMs = 0;
  report: RecordId | null = null;
  endedAt = 0;

  constructor(index: number, unmet: number) {
    this.index = index;
    this.unmet = unmet;
  }
}
Object.assign(NewChild.prototype, RARE);

/** The members of a new child without dependencies. */
export const FRESH_CHILD: Readonly<Record<string, unknown>> = { ...new NewChild(0, 0), ...RARE };

/** Sets those of a child's rare members that change. */
export function changeRare(child: Child, changes: Partial<Omit<Child, 'index'>>): void {
  for (const name in changes) {
    const key = name as keyof typeof changes;
    if (child[key] !== changes[key]) (child as unknown as Record<string, unknown>)[key] = changes[key];
  }
}

/** Returns a pending child with this number of unmet dependencies. */
export const newChild = (index: number, unmet: number): Child => new NewChild(index, unmet) as Child;

/** Returns the state of a child in the subtask machine. */
export function subtaskStateOf({ state, asks }: Child): SubtaskState {
  return asks === null ? state : 'asking';
}

/** Returns the name of the stored environment that a child runs in; null for the worker's own. */
export function environmentOf(fanOut: FanOut, { environment }: Child): string | null {
  return environment === undefined ? fanOut.environment : environment;
}

/** Returns the names of all environments that a fan-out needs. */
export function environmentsOf(fanOut: FanOut): ReadonlySet<string> {
  const names = new Set<string>();
  if (fanOut.environment !== null) names.add(fanOut.environment);
  for (const { environment } of fanOut.children) if (environment != null) names.add(environment);
  return names;
}

/** Returns the number of members of a fan-out. Each is in one of the seven counts. */
export function membersOf({ counts }: FanOutHead): number {
  return completedOf({ counts }) + counts.running + counts.pending;
}

/** Returns the number of members that have ended, with any verdict. */
export function completedOf({ counts }: Pick<FanOutHead, 'counts'>): number {
  return counts.accepted + counts.rejected + counts.failed + counts.timed_out + counts.cancelled;
}

/** Returns the number of subtasks of a fan-out, including follow-ups. */
export function subtasksOf(head: FanOutHead): number {
  return membersOf(head) + head.followUps;
}

/** Returns true while a subtask of the fan-out runs or may still start, including follow-ups. */
export function isUnderWay({ counts, openFollowUps }: FanOutHead): boolean {
  return counts.running + counts.pending + openFollowUps > 0;
}

/** Returns the name of a subtask, or its index where it has none. */
export function labelOf({ subtasks }: Pick<FanOut, 'subtasks'>, index: number): string {
  const name = subtasks[index]?.name ?? null;
  return name === null ? `subtask ${index}` : `'${name}'`;
}

/** Returns the word that names a subtask of a fan-out on a command line. */
export function wordOf({ subtasks }: Pick<FanOut, 'subtasks'>, index: number): string {
  return subtaskWord({ name: subtasks[index]?.name ?? null, index });
}
