import type { FanOutRequest, TaskAdd, TaskAction } from '../../contract/commands.ts';
import type { Policy } from '../../contract/policy.ts';
import type { TaskDocument, TaskStatus } from '../../contract/documents.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import { seal, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import { asJson, topicOf, type ChildDoneBody, type HeartbeatBody } from '../model/record-bodies.ts';
import { celCompiler } from '../join/cel.ts';
import * as commands from '../commands/fan-out.ts';
import { Coordinator } from '../coordinator/coordinator.ts';
import { applyRecord } from '../fold/apply-record.ts';
import type { DeliveryRef, ToWorker } from '../model/messages.ts';
import { archiveNamespace, createNamespace, deleteNamespace } from '../commands/namespaces.ts';
import { emptyState, type Child, type FanOut, type FleetState, type Task } from '../model/state.ts';
import { applyTaskAction } from '../commands/task-actions.ts';
import { statusOf } from '../model/tasks.ts';
import { taskDocument } from '../views/views.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../contract/testing/requests.ts';
import { heartbeatBody, reportBody } from './worker-bodies.ts';

export const SELF = 'did:sync:instance:c000000000000000' as Did;
/** The coordinator of another home. */
export const ELSEWHERE = 'did:sync:instance:e000000000000000' as Did;
export const USER = 'did:sync:user:tester' as Did;
/** A user who judges the work of USER. */
export const OTHER = 'did:sync:user:other' as Did;
export const HEARTBEAT_MS = 1000;

/** Returns the DID of the worker with this number, whose alias is `worker-‹number›`. */
export function workerDid(number: number): Did {
  return `did:sync:instance:${String(number).padStart(16, '0')}` as Did;
}

export const FOLD = { self: SELF, cel: celCompiler };

export const FAN_OUT_CONTEXT: commands.FanOutContext = {
  cel: celCompiler,
  defaultExecutor: 'echo',
  defaultTimeoutSecs: null,
  executors: ['echo', 'shell', 'agent:claude'],
  refusal: () => null,
};

export interface Sent {
  readonly to: Did;
  readonly message: ToWorker;
}

/** A coordinator whose records are durable immediately, and workers that send only what a test makes them send. */
export class TestFleet {
  now = 1_000_000;
  core: Coordinator;
  /** The records of the log, with their times. */
  readonly log: { readonly record: FleetRecord; readonly at: number }[] = [];
  /** The messages sent to workers since the last reset. */
  sent: Sent[] = [];
  /** The fan-outs in the watchers' events of the last step, with their subtasks. */
  changed: ReadonlyMap<ThreadId, ReadonlySet<number>> = new Map();
  /** The namespaces in those events. */
  namespaces: ReadonlySet<string> = new Set();
  /** Workers whose processes were to be ended. */
  readonly ended: Did[] = [];
  readonly #clocks = new Map<string, number>();
  readonly #self: Did;
  #tasks = 0;

  /** Creates a fleet with this number of live workers. */
  constructor(workers = 0, slots = 1, self = SELF) {
    this.#self = self;
    this.core = this.#newCore(emptyState());
    for (let n = 0; n < workers; n++) {
      this.admit(n);
      this.beat(n, { slots });
      this.hello(n);
    }
    this.sent = [];
  }

  /** Runs one step: appends its records and collects its messages. */
  do<T>(decide: (now: number) => T): T {
    const answer = decide(this.now);
    const { batches, effects, changed, namespaces } = this.core.take();
    this.changed = changed;
    this.namespaces = namespaces;
    for (const { records } of batches)
      for (const { record } of records) {
        this.log.push({ record, at: this.now });
        this.core.stamp(record, this.now);
      }
    for (const effect of effects) {
      if (effect.type === 'send') this.sent.push({ to: effect.to, message: effect.message });
      else this.ended.push(effect.did);
    }
    return answer;
  }

  /** Advances the time, with every tick that becomes due. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let ticks = 0; ticks < 10_000; ticks++) {
      const next = this.core.nextDeadline(this.now);
      if (next === undefined || next > until) break;
      this.now = Math.max(this.now, next) + 1;
      this.do(now => this.core.tick(now));
    }
    this.now = Math.max(this.now, until);
  }

  /** Simulates a process that was suspended for this time, so that its timers are late. */
  sleep(ms: number): void {
    this.core.nextDeadline(this.now);
    this.now += ms;
    this.do(now => this.core.tick(now));
  }

  /** Replaces the coordinator. The new one reads the log, or the state of a checkpoint. */
  restart(state = this.replayed()): void {
    this.core = this.#newCore(state);
    this.do(now => this.core.resume(now));
  }

  /** Returns the state that the log folds to. */
  replayed(): FleetState {
    const state = emptyState();
    for (const { record, at } of this.log) applyRecord(state, record, at, { ...FOLD, self: this.#self });
    return state;
  }

  // --- workers ------------------------------------------------------------------------------------------------

  admit(n: number, alias = `worker-${n}`): void {
    const did = workerDid(n);
    const admitted = { did, alias, role: 'worker', home: `/${alias}`, public_key: alias } as const;
    this.do(now => this.core.admit(admitted, now));
  }

  hello(n: number, held: readonly DeliveryRef[] = []): void {
    this.do(now => this.core.hello(workerDid(n), held, now, now));
  }

  /** @param at the time by the worker's own clock, in ms */
  beat(n: number, changed: Partial<HeartbeatBody> = {}, at = this.now): void {
    const body = heartbeatBody(workerDid(n), { alias: `worker-${n}`, pid: 100 + n, ...changed });
    const sealed = this.sealAs(workerDid(n), RESERVED.instanceRegistry, 'DO', asJson(body));
    this.do(now => this.core.heartbeat(workerDid(n), sealed, undefined, at, now));
  }

  /** Reports that the present deliveries of these children have started. */
  started(fanOut: FanOut, ...indices: number[]): void {
    for (const index of indices) {
      const { worker } = fanOut.children[index]!;
      this.do(now => this.core.started(worker!, [refOf(fanOut, index)], now));
    }
  }

  /** Reports the end of a child's present delivery, or of the delivery in `changed`, by its worker. */
  report(fanOut: FanOut, index: number, changed: Partial<ChildDoneBody> & { by?: Did } = {}): SealedRecord {
    const sealed = this.#sealDone(fanOut, index, changed);
    const worker = sealed.record.actor;
    this.do(now => this.core.reports(worker, { records: [sealed] }, now));
    return sealed;
  }

  /** Reports in one message of one worker that all of these children accepted. */
  reportAll(fanOut: FanOut, indices: readonly number[]): void {
    const records = indices.map(index => this.#sealDone(fanOut, index, {}));
    const worker = records[0]!.record.actor;
    this.do(now => this.core.reports(worker, { records }, now));
  }

  #sealDone(fanOut: FanOut, index: number, changed: Partial<ChildDoneBody> & { by?: Did }): SealedRecord {
    const { by, ...members } = changed;
    const child = fanOut.children[index]!;
    const { attempt, deliveries } = child;
    const body = reportBody({ index, attempt, delivery: deliveries - 1 }, members);
    return this.sealAs(by ?? child.worker!, fanOut.task.thread, 'DO', asJson(body));
  }

  /** Returns the indices delivered to one worker, or to any, since `sent` was cleared. */
  delivered(n?: number): number[] {
    return this.sent
      .filter(({ to }) => n === undefined || to === workerDid(n))
      .flatMap(({ message }) => (message.type === 'deliver' ? message.records : []))
      .map(({ record }) => record.body['index'] as number);
  }

  /** Returns the indices in messages of this type since `sent` was cleared. */
  deliveriesSent(type: 'cancel' | 'recall' | 'fence'): number[] {
    return this.sent.flatMap(({ message }) =>
      message.type === type ? message.deliveries.map(({ index }) => index) : [],
    );
  }

  sealAs(actor: Did, thread: ThreadId, act: FleetRecord['act'], body: FleetRecord['body']): SealedRecord {
    const slot = `${actor} ${thread}`;
    const clock = this.#clocks.get(slot) ?? 0;
    this.#clocks.set(slot, clock + 1);
    return seal({ act, actor, body, clock, data_type: 'SCALAR', parents: [], thread });
  }

  // --- commands -----------------------------------------------------------------------------------------------

  addTask(
    changed: Partial<TaskAdd> = {},
    key?: string,
    thread = `th_task${++this.#tasks}` as ThreadId,
  ): Task {
    const input = { ...BARE_TASK, alias: `T-${this.#tasks}`, ...changed };
    const added = this.do(now => commands.addTask(this.core, input, thread, { actor: USER, key, now }));
    return this.core.state.tasks.get(added.thread as ThreadId)!;
  }

  /** Adds a task with a fan-out of these subtasks, or of this number of plain ones. */
  fanOut(
    subtasks: number | readonly object[],
    changed: Partial<FanOutRequest> = {},
    key?: string,
    task = this.addTask(),
  ): FanOut {
    const list =
      typeof subtasks === 'number'
        ? plain(subtasks)
        : subtasks.map((each, i) => ({ goal: `g${i}`, ...each }));
    const request = { ...BARE_FAN_OUT, ...changed, subtasks: list };
    this.do(now =>
      commands.fanOut(this.core, task.alias, request, FAN_OUT_CONTEXT, { actor: USER, key, now }),
    );
    return task.fanOut!;
  }

  createNamespace(id: string, description: string | null = null, policy?: Policy): void {
    const input = { id, description, ...(policy && { policy }) };
    this.do(now => createNamespace(this.core, input, { actor: USER, now }));
  }

  archiveNamespace(id: string): void {
    this.do(now => archiveNamespace(this.core, id, { actor: USER, now }));
  }

  deleteNamespace(id: string): void {
    this.do(now => deleteNamespace(this.core, id, { actor: USER, now }));
  }

  retry(task: Task, subtask: number): void {
    this.do(now =>
      commands.retry(this.core, task.alias, { subtask, hint: null }, { actor: USER, key: undefined, now }),
    );
  }

  cancel(task: Task, subtask: number | null = null): void {
    const input = { subtask, reason: null };
    this.do(now => commands.cancel(this.core, task.alias, input, { actor: USER, key: undefined, now }));
  }

  /** Uses a task verb. */
  taskAction(
    task: Task,
    verb: TaskAction,
    input: Parameters<typeof applyTaskAction>[3] = {},
    actor = USER,
    key?: string,
  ): void {
    this.do(now => applyTaskAction(this.core, task.thread, verb, input, { actor, key, now }));
  }

  statusOf(task: Task): TaskStatus {
    return statusOf(this.core.state, task, this.now);
  }

  documentOf(task: Task): TaskDocument {
    return taskDocument(this.core.state, task, this.now);
  }

  /** Returns the bodies of a topic's records, oldest first. */
  bodiesOf(topic: string): FleetRecord['body'][] {
    return this.log.filter(({ record }) => topicOf(record) === topic).map(({ record }) => record.body);
  }

  #newCore(state: FleetState): Coordinator {
    return new Coordinator({ ...FOLD, self: this.#self, heartbeatMs: HEARTBEAT_MS, state });
  }
}

export function refOf(fanOut: FanOut, index: number): DeliveryRef {
  return { thread: fanOut.task.thread, index, delivery: fanOut.children[index]!.deliveries - 1 };
}

export const states = (fanOut: FanOut): Child['state'][] => fanOut.children.map(({ state }) => state);
export const verdicts = (fanOut: FanOut): Child['verdict'][] => fanOut.children.map(({ verdict }) => verdict);

const plain = (count: number): object[] => Array.from({ length: count }, (_, i) => ({ goal: `goal ${i}` }));
