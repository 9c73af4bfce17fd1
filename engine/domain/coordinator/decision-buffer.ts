import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import { isReservedThread, RESERVED } from '../../record/ids.ts';
import { seal, type FleetRecord, type RecordContent, type SealedRecord } from '../../record/record.ts';
import type { BatchSignature } from '../../record/signing.ts';
import { asJson, TOPIC, topicOf, type TopicBody } from '../model/record-bodies.ts';
import { affectedBy } from '../model/dependencies.ts';
import { applyRecord, type FoldContext } from '../fold/apply-record.ts';
import type { ToWorker } from '../model/messages.ts';
import { taskActionOf } from '../model/task-status.ts';
import type { Child, FanOut, FleetState, Task } from '../model/state.ts';

/** Records that are appended at once: the coordinator's own, or a worker's signed batch. */
export interface OutBatch {
  readonly records: readonly SealedRecord[];
  readonly signature?: BatchSignature & { readonly ids: readonly RecordId[] };
}

/** An action to take once everything decided so far is durable. */
export type Effect =
  | { readonly type: 'send'; readonly to: Did; readonly message: ToWorker }
  /** End this local worker's process with all that it started; `gone` follows. */
  | { readonly type: 'end-process'; readonly did: Did; readonly reason: string };

/** The decisions of one step. */
export interface Output {
  readonly batches: readonly OutBatch[];
  readonly effects: readonly Effect[];
  /** Changed fan-outs, with their changed subtasks. */
  readonly changed: ReadonlyMap<ThreadId, ReadonlySet<number>>;
  readonly instances: ReadonlySet<Did>;
  /** Changed namespaces; the namespaces below them may have changed too. */
  readonly namespaces: ReadonlySet<string>;
}

/** A record's content without the fields that the coordinator fills in. */
export type Draft = Pick<RecordContent, 'act' | 'thread'> & {
  readonly body: TopicBody;
  readonly parents?: readonly RecordId[];
  readonly actor?: Did;
  /** The author of the judgement. */
  readonly judgedBy?: Did;
};

export interface StepOptions extends FoldContext {
  /** The state that the log folds to. */
  readonly state: FleetState;
}

/**
 * The coordinator's decisions since the last `take`: records to append, effects, and changes for watchers. The
 * coordinator's rules write only here. Records are applied to the state as they are written, so that later decisions
 * see them.
 */
export class DecisionBuffer {
  readonly state: FleetState;
  readonly self: Did;
  readonly #context: FoldContext;
  #batches: OutBatch[] = [];
  #own: SealedRecord[] = [];
  #effects: Effect[] = [];
  #changed = new Map<ThreadId, Set<number>>();
  #instances = new Set<Did>();
  #namespaces = new Set<string>();
  /** Fan-outs to review at the end of the step. */
  #dirty = new Set<FanOut>();

  constructor({ state, self, cel }: StepOptions) {
    this.state = state;
    this.self = self;
    this.#context = { self, cel };
  }

  /** Returns everything decided since the last call. */
  take(): Output {
    this.#flushOwn();
    const output = {
      batches: this.#batches,
      effects: this.#effects,
      changed: this.#changed,
      instances: this.#instances,
      namespaces: this.#namespaces,
    };
    this.#batches = [];
    this.#effects = [];
    this.#changed = new Map();
    this.#instances = new Set();
    this.#namespaces = new Set();
    return output;
  }

  /** Writes a record in the name of the coordinator or of the draft's actor, and applies it. */
  write(draft: Draft, now: number): SealedRecord {
    const actor = draft.actor ?? this.self;
    const content = {
      act: draft.act,
      actor,
      body: asJson(draft.body),
      clock: this.#nextClock(actor, draft.thread),
      data_type: 'SCALAR',
      parents: draft.parents ?? [],
      thread: draft.thread,
    } as const;
    const sealed = seal(content, draft.judgedBy ?? null);
    this.writeSealed(sealed, now);
    return sealed;
  }

  /** Appends a sealed record and applies it. */
  writeSealed(sealed: SealedRecord, now: number): void {
    this.#own.push(sealed);
    this.apply(sealed.record, now);
  }

  /** Appends records that change no state by themselves; the record written with them has all the facts. */
  accompany(records: readonly SealedRecord[]): void {
    for (const record of records) this.#own.push(record);
  }

  /** Appends a worker's signed batch after everything decided so far. The caller applies it. */
  append(batch: OutBatch): void {
    this.#flushOwn();
    this.#batches.push(batch);
  }

  apply(record: FleetRecord, now: number): void {
    const topic = topicOf(record);
    const isStatus = isAboutStatus(topic);
    // Called before and after: the record may remove a task from those concerned.
    if (isStatus) this.noteConcerned(record.thread);
    applyRecord(this.state, record, now, this.#context);
    if (isStatus) this.noteConcerned(record.thread);
  }

  /** Corrects the time of a record that was applied before it was durable to the time in the log. */
  stamp(record: FleetRecord, at: number): void {
    const fanOut = this.state.tasks.get(record.thread)?.fanOut;
    if (fanOut === null || fanOut === undefined) return;
    // A retry before the join opens no round, and the next round may open before a join is durable.
    if (fanOut.roundOpenedBy === record.id) fanOut.roundStartedAt = at;
    else if (fanOut.joined?.record === record.id) fanOut.joined.at = at;
  }

  send(to: Did, message: ToWorker): void {
    this.#effects.push({ type: 'send', to, message });
  }

  endProcess(did: Did, reason: string): void {
    this.#effects.push({ type: 'end-process', did, reason });
  }

  /** Notifies watchers that a fan-out and one of its subtasks changed. */
  note(thread: ThreadId, index?: number): void {
    let set = this.#changed.get(thread);
    if (set === undefined) this.#changed.set(thread, (set = new Set()));
    if (index !== undefined) set.add(index);
  }

  /** Notifies watchers of all tasks that may look different after a change of this task's status. */
  noteConcerned(thread: ThreadId): void {
    const task = this.state.tasks.get(thread);
    if (task !== undefined) for (const each of affectedBy(this.state, task)) this.note(each);
  }

  /** Notifies watchers of an instance. */
  noteInstance(did: Did): void {
    this.#instances.add(did);
  }

  /** Notifies watchers of a namespace and of the namespaces below it. */
  noteNamespace(id: string): void {
    this.#namespaces.add(id);
  }

  /** Marks a fan-out for review at the end of the step. */
  look(fanOut: FanOut): void {
    this.#dirty.add(fanOut);
  }

  /** Marks this task's fan-out for review at the end of the step, and notifies watchers of it and of these subtasks. */
  touch(task: Task, children: readonly Child[] = []): void {
    if (task.fanOut !== null) this.look(task.fanOut);
    this.note(task.thread);
    for (const { index } of children) this.note(task.thread, index);
  }

  /** Returns the fan-outs marked for review since the last call. */
  takeDirty(): readonly FanOut[] {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    return dirty;
  }

  #nextClock(actor: Did, thread: ThreadId): number {
    if (thread === RESERVED.instanceRegistry) return this.state.registryClocks.get(actor) ?? 0;
    if (isReservedThread(thread)) return this.state.ownClocks.get(thread) ?? 0;
    return this.state.tasks.get(thread)?.clocks.get(actor) ?? 0;
  }

  #flushOwn(): void {
    if (this.#own.length === 0) return;
    this.#batches.push({ records: this.#own });
    this.#own = [];
  }
}

/** Returns true when a record of this topic may change the status of its task. */
function isAboutStatus(topic: string | undefined): boolean {
  return (topic !== undefined && STATUS_TOPICS.has(topic)) || taskActionOf(topic) !== undefined;
}

const STATUS_TOPICS: ReadonlySet<string> = new Set([
  TOPIC.task,
  TOPIC.fanOut,
  TOPIC.join,
  TOPIC.retry,
  TOPIC.cancel,
]);
