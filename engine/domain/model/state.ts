import type { FreezeLevel, Losers, RuleEffect } from '../../contract/commands.ts';
import type { Variables } from '../../subtask/variables.ts';
import type { ChildVerdict, Counts, Outcome, OwnNamespaceStatus } from '../../contract/documents.ts';
import type { Echoed } from '../../contract/echo.ts';
import { subtaskWord } from '../../contract/format.ts';
import type { Policy } from '../../contract/policy.ts';
import type { Json } from '../../record/canonical.ts';
import { childThreadId, type Did, type RecordId, type ThreadId } from '../../record/ids.ts';
import type { SharedThread, Work } from './record-bodies.ts';
import type { Breakers } from './circuit-breakers.ts';
import type { Budget } from './budgets.ts';
import type { IndexQueue } from './index-queue.ts';
import type { Predicate } from './predicate.ts';
import { UNTOUCHED, type TaskHistory } from './task-status.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import type { SubtaskState } from './subtask-machine.ts';
import { Turns } from './turns.ts';
import type { WorkerStatus } from './worker-machines.ts';
import type { Usages } from './namespace-usage.ts';

/** A command that was given with a key. */
export interface Keyed {
  /** Of the operation and the input; null in records of versions that kept none. */
  readonly digest: string | null;
  /** The task that it made or was about; null where it was about none. */
  readonly thread: ThreadId | null;
  /** The answer to the command; undefined where the state tells it, or where it was long. */
  readonly answer?: Json;
}

/**
 * The state that the log folds to: everything that the rules need in order to decide, and nothing that a record does
 * not say. It is rebuilt by replay, or restored from a checkpoint and brought up to date.
 */
export interface FleetState {
  readonly tasks: Map<ThreadId, Task>;
  /** The newest task of each alias. */
  readonly aliases: Map<string, ThreadId>;
  readonly instances: Map<Did, Instance>;
  /** For each task that others wait for, those; it follows from the tasks. */
  readonly dependants: Map<ThreadId, Set<ThreadId>>;
  /** Threads of tasks whose fan-out is not yet over: not joined, or with children still to end. */
  readonly open: Set<ThreadId>;
  /** The fan-outs that may have children that are ready to start, each in its turn. */
  readonly startable: Turns<FanOut>;
  /** The executor of subtasks that name none, where somebody chose one for the fleet. */
  defaultExecutor: string | null;
  /** The threads that every command may read. */
  shared: readonly SharedThread[];
  /** The namespaces that were registered, by their id; `default` is none of them. */
  readonly namespaces: Map<string, Namespace>;
  /** The attempts that are out and the spending in each namespace, with all below it. */
  readonly usages: Usages;
  /** The rules that every write is checked against, by name. */
  readonly rules: Map<string, Rule>;
  /** The threads of other homes' tasks that were restored here: they are history, and no tasks. */
  readonly restored: Set<ThreadId>;
  /** The freezes, by namespace; each holds for all below it. */
  readonly freezes: Map<string, Freeze>;
  /** Nothing new anywhere, while it is not null. */
  emergency: Emergency | null;
  /** The executors that are out of quota. */
  readonly breakers: Breakers;
  /** The names of environments that are kept no more. Told by whoever keeps them: no record says so. */
  readonly goneEnvironments: Set<string>;
  /** The coordinator's next clock on the threads that only it writes. */
  readonly ownClocks: Map<ThreadId, number>;
  /** The next clock of every actor on the registry thread. */
  readonly registryClocks: Map<Did, number>;
  /** The commands that were given with a key, by actor and key, the newest last. */
  readonly idempotency: Map<string, Keyed>;
}

export interface Namespace {
  /** Its own: what lies above it may be archived while it is active. */
  readonly status: OwnNamespaceStatus;
  readonly description: string | null;
  /** Its own; null where it bounds nothing. */
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
  /** From `issuedAt` on, until what runs there is ended, if the level is hard. */
  readonly graceMs: number;
}

/** The facts of a task that are set when it is made and never change. */
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
  /** The tasks that must be approved before this one begins. */
  readonly dependsOn: readonly ThreadId[];
}

/**
 * A task with what happened to it. The fan-out of a finished one may be kept as the bytes that a checkpoint has of
 * it, and is read when somebody asks: a home with a million records opens without reading the members of each.
 */
export class Task {
  readonly facts: TaskFacts;
  /** The next clock of every actor on this thread. */
  readonly clocks: Map<Did, number>;
  /** `at` in ms; null in logs that do not say. */
  cancelled: { readonly reason: string | null; readonly by: Did; readonly at: number | null } | null = null;
  /** The result of what people have said of it. */
  standing: TaskHistory = UNTOUCHED;
  /** The outcome of the present round of its fan-out; known without reading the fan-out. */
  outcome: Outcome | null = null;
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

  /** The facts of the fan-out that a list of tasks shows; a fan-out that is kept as bytes stays so. */
  get fanOutHead(): FanOutHead | null {
    return this.#frozen === null ? this.#fanOut : this.#frozen.head();
  }

  set fanOut(fanOut: FanOut | null) {
    this.#fanOut = fanOut;
    this.#frozen = null;
  }

  /** The bytes of a fan-out that nobody asked for since it was frozen. */
  get frozenBytes(): Uint8Array | null {
    return this.#frozen?.bytes ?? null;
  }

  /** Keeps the fan-out as bytes until it is asked for. */
  freeze(frozen: SerializedFanOut): void {
    this.#fanOut = null;
    this.#frozen = frozen;
  }
}

/** A fan-out that is over, as the bytes that a checkpoint has of it. */
export interface SerializedFanOut {
  readonly bytes: Uint8Array;
  /** Reads what stands before the subtasks. */
  head(): FanOutHead;
  load(task: Task): FanOut;
}

/** The facts of a fan-out that are known without its subtasks. */
export interface FanOutHead {
  readonly id: RecordId;
  readonly join: string;
  readonly losers: Losers;
  readonly timeoutMs: number | null;
  readonly serialOf: ThreadId | null;
  /** Null where it has no limit in any currency. */
  readonly budget: Budget | null;
  /** The task's, or one below it. */
  readonly namespace: string;
  /** Nobody is there to be asked. */
  readonly noInput: boolean;
  /** Variables that all its subtasks have, or null. */
  readonly env: Variables | null;
  /** The name under which the environment of its submitter is kept, or null. */
  readonly environment: string | null;
  /** Of the members: the follow-ups are counted apart. */
  readonly counts: Counts;
  /** Subtasks outside the join, which start once what they depend on has ended. */
  readonly followUps: number;
  /** Those of them that have not ended. */
  readonly openFollowUps: number;
  readonly round: number;
  readonly joined: Joined | null;
  /** The children that were accepted without anything having been run; null while there are none. */
  readonly echoed: Echoed | null;
}

export interface FanOut extends FanOutHead {
  readonly task: Task;
  readonly subtasks: readonly CompleteSubtask[];
  readonly predicate: Predicate;
  readonly children: readonly Child[];
  /** The children's threads, as far as `threadOf` was asked for them. */
  readonly threads: (ThreadId | undefined)[];
  /** For each child those that depend on it, or null when nothing depends on anything. */
  readonly dependants: readonly (readonly number[])[] | null;
  readonly counts: Mutable<Counts>;
  openFollowUps: number;
  /** Members that the retries of this round run again and that have not ended: until then nothing is lost. */
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
  /** Children that may start, by the kind of target that they name; entries that no longer may are skipped. */
  readonly ready: Map<string, IndexQueue>;
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
  /** One that waits for a person is pending, with its question in `asks`; `subtaskStateOf` tells them apart. */
  state: Exclude<SubtaskState, 'asking'>;
  /** Of the present or the last delivery. */
  worker: Did | null;
  /** 1 for the first; 0 before it. */
  attempt: number;
  /** Attempts that ended before the present retry; they don't count against what it may spend. */
  spentBefore: number;
  /** The number of times that it was handed to a worker; the last delivery's number is one less. */
  deliveries: number;
  /** Not before this time, in ms: the back-off of an attempt that failed. */
  notBefore: number;
  /** Dependencies that have not accepted yet. */
  unmet: number;
  hint: string | null;
  /** An earlier attempt was lost with its worker and may have run in part. */
  mayHaveRun: boolean;
  verdict: ChildVerdict | null;
  reason: string | null;
  exitCode: number | null;
  signal: string | null;
  summary: string;
  costUsd: number;
  /** The tool did not tell what it cost. */
  costUnknown: boolean;
  /** The attempt was lost with its worker: nobody knows how long it ran. */
  lost: boolean;
  /** The question for a person for whom it waits. */
  asks: string | null;
  tokens: number;
  wallMs: number;
  report: RecordId | null;
  endedAt: number;
  /** The child whose end cancelled this one. */
  causedBy: number | null;
  afterJoin: boolean;
  /** Runs again in this round, because somebody retried it or what it depends on. */
  retried: boolean;
  /** Asked to end, with the reason; it is not tried again. */
  cancelRequested: string | null;
  leftGroup: readonly string[] | null;
  output: { readonly path: string; readonly size: number } | null;
  /** The conversation of the last attempt that told of one, for the next one to go on with. */
  session: string | null;
  /** The name of the environment of who had it run again, null for one who gave none; undefined: it is the fan-out's. */
  environment: string | null | undefined;
  /** The branch and worktree with the changes of the last attempt. */
  work: Work | null;
  /** Attempts that ended before the present one, oldest first. */
  earlier: EarlierAttempt[] | null;
}

export interface EarlierAttempt {
  readonly attempt: number;
  readonly worker: Did | null;
  readonly verdict: ChildVerdict;
  readonly reason: string | null;
  readonly costUsd: number;
  readonly costUnknown: boolean;
  /** Absent in checkpoints of versions that did not keep it. */
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
  /** The last one that was written to the log; the latest one of all is the registry's to know. */
  lastHeartbeatAt: number | null;
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The state before the first record. */
export function emptyState(): FleetState {
  return {
    tasks: new Map(),
    aliases: new Map(),
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
  };
}

/** The thread of one child. It follows from the fan-out, and hashing is dear: none is made before somebody asks. */
export function threadOf(fanOut: FanOut, index: number): ThreadId {
  return (fanOut.threads[index] ??= childThreadId(fanOut.id, index, fanOut.subtasks[index]!.goal));
}

export function newChild(index: number, unmet: number): Child {
  return {
    index,
    state: 'pending',
    worker: null,
    attempt: 0,
    spentBefore: 0,
    deliveries: 0,
    notBefore: 0,
    unmet,
    hint: null,
    mayHaveRun: false,
    verdict: null,
    reason: null,
    exitCode: null,
    signal: null,
    summary: '',
    costUsd: 0,
    costUnknown: false,
    lost: false,
    asks: null,
    tokens: 0,
    wallMs: 0,
    report: null,
    endedAt: 0,
    causedBy: null,
    afterJoin: false,
    retried: false,
    cancelRequested: null,
    leftGroup: null,
    output: null,
    session: null,
    environment: undefined,
    work: null,
    earlier: null,
  };
}

/** The state of a child in the machine of subtasks. */
export function subtaskStateOf({ state, asks }: Child): SubtaskState {
  return asks === null ? state : 'asking';
}

/** The name under which the environment is kept that a child runs in; null for the worker's own. */
export function environmentOf(fanOut: FanOut, { environment }: Child): string | null {
  return environment === undefined ? fanOut.environment : environment;
}

/** The names of all environments that a fan-out needs. */
export function environmentsOf(fanOut: FanOut): ReadonlySet<string> {
  const names = new Set<string>();
  if (fanOut.environment !== null) names.add(fanOut.environment);
  for (const { environment } of fanOut.children) if (environment != null) names.add(environment);
  return names;
}

/** The number of members of a fan-out: each is counted in one of the seven states. */
export function membersOf({ counts }: FanOutHead): number {
  return completedOf({ counts }) + counts.running + counts.pending;
}

/** The number of members that have ended, whatever their verdict. */
export function completedOf({ counts }: Pick<FanOutHead, 'counts'>): number {
  return counts.accepted + counts.rejected + counts.failed + counts.timed_out + counts.cancelled;
}

/** The number of subtasks of a fan-out, follow-ups included. */
export function subtasksOf(head: FanOutHead): number {
  return membersOf(head) + head.followUps;
}

/** True while a subtask of the fan-out runs or may still start, follow-ups included. */
export function isUnderWay({ counts, openFollowUps }: FanOutHead): boolean {
  return counts.running + counts.pending + openFollowUps > 0;
}

/** The name of a subtask, or its index where it has none. */
export function labelOf({ subtasks }: Pick<FanOut, 'subtasks'>, index: number): string {
  const name = subtasks[index]?.name ?? null;
  return name === null ? `subtask ${index}` : `'${name}'`;
}

/** The word by which a command line names a subtask of a fan-out. */
export function wordOf({ subtasks }: Pick<FanOut, 'subtasks'>, index: number): string {
  return subtaskWord({ name: subtasks[index]?.name ?? null, index });
}
