import type { Did, RecordId, ThreadId } from '../record/ids.ts';
import { RESERVED } from '../record/ids.ts';
import { seal, type FleetRecord, type RecordContent, type SealedRecord } from '../record/record.ts';
import type { BatchSignature } from '../record/signing.ts';
import {
  asJson,
  TOPIC,
  topicOf,
  type AdmittedBody,
  type ChildDoneBody,
  type HeartbeatBody,
  type ResultFields,
  type StatusBody,
  type TopicBody,
} from './bodies.ts';
import { maySpawn, planDispatch, releaseQueueOf, type Placement } from './dispatch.ts';
import { applyRecord, isPresent, markReady, takeHeartbeat, type FoldContext } from './fold.ts';
import { cancelled, childIntent, nextAttempt, nothingRan, refOf } from './deliveries.ts';
import { decideJoin, joinBody, type Decision } from './join.ts';
import { newLink, noteWall, stalledBehind, type Assignment, type WorkerLink } from './links.ts';
import { keyOf, type DeliveryRef, type ToWorker } from './messages.ts';
import type { Child, FanOut, FleetState, Instance, Task } from './state.ts';

/** What is appended at once: the coordinator's own records, or a worker's signed batch. */
export interface OutBatch {
  readonly records: readonly SealedRecord[];
  readonly signature?: BatchSignature & { readonly ids: readonly RecordId[] };
}

/** What is to be done once everything decided so far is durable. */
export type Effect =
  | { readonly type: 'send'; readonly to: Did; readonly message: ToWorker }
  /** End this local worker's process with all that it started; `gone` follows. */
  | { readonly type: 'end-process'; readonly did: Did; readonly reason: string };

/** What one step decided. */
export interface Output {
  readonly batches: readonly OutBatch[];
  readonly effects: readonly Effect[];
  /** Fan-outs that moved, with the subtasks that did. */
  readonly changed: ReadonlyMap<ThreadId, ReadonlySet<number>>;
  readonly instances: ReadonlySet<Did>;
}

export interface CoordinatorOptions extends FoldContext {
  readonly heartbeatMs: number;
  /** The state that the log folds to. */
  readonly state: FleetState;
}

/** A record's content, but for what the coordinator fills in. */
export type Draft = Pick<RecordContent, 'act' | 'thread'> & {
  readonly body: TopicBody;
  readonly parents?: readonly RecordId[];
  readonly actor?: Did;
};

/**
 * The rules of a coordinator as a state machine without effects: it is told what happened, with the time, and
 * says which records to append and what to do once they are durable. Its own decisions are applied to the state at
 * once; if they can't be made durable the engine stops, and the state goes with it.
 *
 * The shape follows etcd's raft: inputs in, a `take()` of what is ready out.
 */
export class Coordinator {
  readonly state: FleetState;
  readonly links = new Map<Did, WorkerLink>();
  readonly #context: FoldContext;
  readonly #self: Did;
  readonly #heartbeatMs: number;
  #batches: OutBatch[] = [];
  #own: SealedRecord[] = [];
  #effects: Effect[] = [];
  #changed = new Map<ThreadId, Set<number>>();
  #instances = new Set<Did>();
  /** Fan-outs to look at when the step is over. */
  #dirty = new Set<FanOut>();
  /** Children that ended in this step without accepting, whose dependants end too. */
  #fallen: [FanOut, Child][] = [];
  /** Children that back off. */
  #delayed: [FanOut, Child][] = [];
  /** When `tick` was last expected, in ms; a tick much later than that means that this process did not run. */
  #expectedTick = Number.POSITIVE_INFINITY;

  constructor(options: CoordinatorOptions) {
    this.state = options.state;
    this.#self = options.self;
    this.#heartbeatMs = options.heartbeatMs;
    this.#context = { self: options.self, cel: options.cel };
  }

  /** Everything decided since the last call. The caller appends the batches in order, then does the effects. */
  take(): Output {
    this.#flushOwn();
    const output = {
      batches: this.#batches,
      effects: this.#effects,
      changed: this.#changed,
      instances: this.#instances,
    };
    this.#batches = [];
    this.#effects = [];
    this.#changed = new Map();
    this.#instances = new Set();
    return output;
  }

  /** The time at which `tick` wants to be called, in ms, or undefined when nothing is waited for. */
  nextDeadline(now: number): number | undefined {
    this.#noticeAbsence(now);
    let next = Number.POSITIVE_INFINITY;
    for (const thread of this.state.open) {
      const fanOut = this.state.tasks.get(thread)?.fanOut;
      if (fanOut?.timeoutMs != null && fanOut.joined === null)
        next = Math.min(next, fanOut.roundStartedAt + fanOut.timeoutMs);
    }
    for (const [, child] of this.#delayed) next = Math.min(next, child.notBefore);
    for (const link of this.links.values()) next = Math.min(next, this.#linkDeadline(link));
    next = Math.max(next, now);
    this.#expectedTick = next;
    return Number.isFinite(next) ? next : undefined;
  }

  /** Time has passed. */
  tick(now: number): void {
    this.#noticeAbsence(now);
    this.#judgeInstances(now);
    this.#endOverdue(now);
    this.#recallStalled(now);
    for (const link of this.links.values()) if (link.lookAt <= now) link.lookAt = now + this.#lookMs(link);
    this.#endBackoffs(now);
    for (const thread of this.state.open) this.#look(this.state.tasks.get(thread)!.fanOut!);
    this.settle(now);
  }

  /**
   * Takes up what the log left open: a decision that its last writer did not get to make durable is made now.
   * Workers that the log holds for alive have two heartbeat intervals to come back.
   */
  resume(now: number): void {
    for (const { role, did, status } of this.state.instances.values())
      if (role === 'worker') this.#link(did, now).awaited = status === 'archived' || status === 'starting';
    for (const thread of this.state.open) {
      const fanOut = this.state.tasks.get(thread)!.fanOut!;
      this.#look(fanOut);
      for (const child of fanOut.children) {
        if (child.cancelRequested !== null) this.#cancelling.add(fanOut);
        if (child.state === 'assigned')
          this.#link(child.worker!, now).assigned.set(child, {
            fanOut,
            startedAt: null,
            recalled: false,
            told: false,
          });
        if (child.state === 'done' && child.verdict !== 'accept') this.#fallen.push([fanOut, child]);
      }
    }
    this.settle(now);
  }

  /** Writes a record of the coordinator's, or in somebody's name, and applies it. */
  write(draft: Draft, now: number): SealedRecord {
    const actor = draft.actor ?? this.#self;
    const clock = this.#nextClock(actor, draft.thread);
    const sealed = seal({
      act: draft.act,
      actor,
      body: asJson(draft.body),
      clock,
      data_type: 'SCALAR',
      parents: draft.parents ?? [],
      thread: draft.thread,
    });
    this.#own.push(sealed);
    this.#apply(sealed.record, now);
    return sealed;
  }

  /** Appends a client's own record; the caller has checked what it may be. */
  writeForeign(sealed: SealedRecord, now: number): void {
    this.#own.push(sealed);
    this.#apply(sealed.record, now);
  }

  /** Has the fan-out of this task looked at when the step ends. */
  touch(task: Task): void {
    if (task.fanOut !== null) this.#look(task.fanOut);
    this.#note(task.thread);
  }

  /** A fan-out was opened or a round of it: ends the step by placing what may start. */
  settle(now: number): void {
    for (;;) {
      this.#cascade(now);
      if (this.#dirty.size === 0) break;
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      for (const fanOut of dirty) this.#review(fanOut, now);
    }
    this.#dispatch(now);
  }

  /** A worker is connected, anew or again, and says which deliveries it holds. */
  hello(did: Did, held: readonly DeliveryRef[], now: number): void {
    const link = this.#link(did, now);
    if (!link.connected) link.upSince = now;
    link.connected = true;
    link.awaited = false;
    link.heardAt = now;
    link.lastReportAt = now;
    link.lookAt = now + STALL_LOOK_MS;
    this.#setStatus(did, 'live', null, now);
    // Whoever waits for it hears of its return, also where the log held it for live all the time.
    this.#instances.add(did);
    // It may not have heard of it on an earlier connection; what is handed over again comes back then.
    if (link.stopping) this.#send(did, { type: 'stop', graceMs: link.graceMs });
    this.#reconcile(link, held, now);
    this.settle(now);
  }

  /** Records that a worker reported; only those that the log does not have yet, verified and decoded. */
  reports(did: Did, batch: OutBatch, now: number): void {
    const link = this.#link(did, now);
    this.#heard(link, now);
    link.lastReportAt = now;
    this.#flushOwn();
    this.#batches.push(batch);
    for (const { record } of batch.records) this.#takeReport(link, record, now);
    this.settle(now);
  }

  /** Everything before this number of a worker's outbox is in the log, or about to be. */
  acknowledge(did: Did, upTo: number): void {
    this.#send(did, { type: 'ack', upTo });
  }

  started(did: Did, refs: readonly DeliveryRef[], now: number): void {
    const link = this.#link(did, now);
    this.#heard(link, now);
    for (const ref of refs) {
      const found = this.#find(did, ref);
      const assignment = found && link.assigned.get(found.child);
      if (found === undefined || assignment === undefined) continue;
      assignment.startedAt ??= now;
      this.#note(ref.thread, ref.index);
    }
  }

  /** Deliveries came back: recalled before they started, or handed back by a worker that drains. */
  returned(did: Did, refs: readonly DeliveryRef[], reason: string, now: number): void {
    const link = this.#link(did, now);
    this.#heard(link, now);
    const byFanOut = new Map<FanOut, Child[]>();
    for (const ref of refs) {
      const found = this.#find(did, ref);
      if (found === undefined) continue;
      link.assigned.delete(found.child);
      byFanOut.set(found.fanOut, [...(byFanOut.get(found.fanOut) ?? []), found.child]);
    }
    for (const [fanOut, children] of byFanOut) {
      const body = {
        topic: TOPIC.returned,
        worker: did,
        reason,
        children: children.map(child => [child.index, child.deliveries - 1] as const),
      };
      this.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
      for (const child of children) this.#note(fanOut.task.thread, child.index);
      this.#look(fanOut);
    }
    this.settle(now);
  }

  /** A heartbeat. It is written only when it says something new; otherwise it is held in memory. */
  heartbeat(did: Did, sealed: SealedRecord, signature: OutBatch['signature'], now: number): void {
    const instance = this.state.instances.get(did);
    const body = sealed.record.body as unknown as HeartbeatBody;
    if (instance === undefined || body.did !== did) return;
    const link = this.#link(did, now);
    this.#heard(link, now);
    link.activeDispatches = body.active_dispatches;
    link.storeRecords = body.store_records;
    link.upSince = Math.min(link.upSince, now - body.uptime_secs * 1000);
    if (saysNothingNew(instance, body)) {
      takeHeartbeat(instance, body, now);
    } else {
      this.#flushOwn();
      this.#batches.push(signature === undefined ? { records: [sealed] } : { records: [sealed], signature });
      this.#apply(sealed.record, now);
      this.#instances.add(did);
    }
    if (link.connected) this.#setStatus(did, 'live', null, now);
    this.settle(now);
  }

  /** The connection is lost; the process may live. */
  disconnected(did: Did): void {
    const link = this.links.get(did);
    if (link !== undefined) link.connected = false;
    releaseQueueOf(this.state, did);
  }

  /** A local worker's process is known to be gone. What it had waits for its restart, or for `abandon`. */
  gone(did: Did, reason: string, now: number): void {
    this.disconnected(did);
    Object.assign(this.#link(did, now), { awaited: true, heardAt: now, stopping: false });
    this.#setStatus(did, 'archived', reason, now);
    this.settle(now);
  }

  /** A worker will not come back: what it had is lost, and goes elsewhere where it may. */
  abandon(did: Did, reason: string, now: number): void {
    this.disconnected(did);
    const link = this.#link(did, now);
    link.awaited = false;
    for (const [child, { fanOut }] of [...link.assigned]) {
      this.#endDelivery(
        fanOut,
        child,
        { ...nothingRan, verdict: 'failed', reason: `worker lost: ${reason}` },
        true,
        now,
      );
    }
    this.settle(now);
  }

  /** Notes that a worker was told to stop, and tells it. */
  stop(did: Did, graceMs: number, now: number): void {
    const link = this.#link(did, now);
    link.stopping = true;
    link.graceMs = graceMs;
    releaseQueueOf(this.state, did);
    this.#send(did, { type: 'stop', graceMs });
  }

  /** Writes down that an instance belongs to the fleet; a worker is expected to come up. */
  admit(body: Omit<AdmittedBody, 'topic'>, now: number): void {
    if (body.role === 'worker') Object.assign(this.#link(body.did, now), { awaited: true, heardAt: now });
    this.write(
      { act: 'LEARN', thread: RESERVED.instanceRegistry, body: { topic: TOPIC.admitted, ...body } },
      now,
    );
    this.#instances.add(body.did);
  }

  /** Chooses the executor of subtasks that name none. */
  chooseExecutor(executor: string, now: number): void {
    if (this.state.defaultExecutor === executor) return;
    this.write(
      { act: 'LEARN', thread: RESERVED.instanceRegistry, body: { topic: TOPIC.fleetConfig, executor } },
      now,
    );
  }

  /** The coordinator's own heartbeat at its start: written when it says something new. */
  registerSelf(sealed: SealedRecord, now: number): void {
    const instance = this.state.instances.get(this.#self);
    if (instance !== undefined && !saysNothingNew(instance, sealed.record.body as unknown as HeartbeatBody))
      this.writeForeign(sealed, now);
    this.#setStatus(this.#self, 'live', null, now);
    this.#instances.add(this.#self);
  }

  /** Corrects what was applied before it was durable to the time that the log gave it. */
  stamp(record: FleetRecord, at: number): void {
    const fanOut = this.state.tasks.get(record.thread)?.fanOut;
    if (fanOut === null || fanOut === undefined) return;
    // A retry before the join opens no round, and a join may be followed by the next round before it is durable.
    if (fanOut.roundOpenedBy === record.id) fanOut.roundStartedAt = at;
    else if (fanOut.joined?.record === record.id) fanOut.joined.at = at;
  }

  /** A worker has stopped as it was told to. */
  stopped(did: Did, now: number): void {
    this.disconnected(did);
    this.#link(did, now).stopping = false;
    this.#setStatus(did, 'stopped', null, now);
    this.settle(now);
  }

  /** When this child's worker said that it started, in ms; null when it waits, or did not say. */
  startedAt(child: Child): number | null {
    return (child.worker && this.links.get(child.worker)?.assigned.get(child)?.startedAt) ?? null;
  }

  // --- deliveries ---------------------------------------------------------------------------------------------

  #takeReport(link: WorkerLink, record: FleetRecord, now: number): void {
    const fanOut = this.state.tasks.get(record.thread)?.fanOut;
    const body = record.body as unknown as ChildDoneBody;
    const child = topicOf(record) === TOPIC.childDone ? fanOut?.children[body.index] : undefined;
    const present = child !== undefined && isPresent(child, record.actor, body.delivery);
    this.#apply(record, now);
    if (fanOut === null || fanOut === undefined || child === undefined || !present) return;
    link.assigned.delete(child);
    // What was lost or cancelled says nothing of how long attempts take here.
    if (body.lost !== true && body.verdict !== 'cancelled') noteWall(link, child.wallMs);
    this.#ended(fanOut, child);
  }

  /** After a delivery's end was applied: what follows from it. */
  #ended(fanOut: FanOut, child: Child): void {
    this.#note(fanOut.task.thread, child.index);
    this.#look(fanOut);
    if (child.state === 'done' && child.verdict !== 'accept') this.#fallen.push([fanOut, child]);
  }

  /** The coordinator itself says how a delivery, or a child that was never delivered, ended. */
  #endDelivery(
    fanOut: FanOut,
    child: Child,
    result: ResultFields & { cause?: number },
    lost: boolean,
    now: number,
  ): void {
    const delivery = child.state === 'assigned' ? child.deliveries - 1 : -1;
    if (child.worker !== null) this.links.get(child.worker)?.assigned.delete(child);
    const body: ChildDoneBody = {
      topic: TOPIC.childDone,
      index: child.index,
      attempt: child.attempt,
      delivery,
      ...(lost ? { lost } : {}),
      ...result,
    };
    this.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
    this.#ended(fanOut, child);
  }

  /** A child that did not accept takes its dependants along, near and far. */
  #cascade(now: number): void {
    for (let next = this.#fallen.pop(); next !== undefined; next = this.#fallen.pop()) {
      const [fanOut, child] = next;
      for (const index of fanOut.dependants?.[child.index] ?? []) {
        const dependant = fanOut.children[index]!;
        if (dependant.state !== 'pending' || child.state !== 'done') continue;
        const reason = `subtask ${child.index} ended as ${child.verdict}`;
        this.#endDelivery(fanOut, dependant, { ...cancelled(reason), cause: child.index }, false, now);
      }
    }
  }

  /** Ends what was asked to end, joins what can be joined, and deals with the losers. */
  #review(fanOut: FanOut, now: number): void {
    if (fanOut.joined === null) {
      const decision = decideJoin(fanOut, did => this.state.instances.get(did)?.alias ?? did, now);
      if (decision !== undefined) this.#join(fanOut, decision, now);
    }
    const toCancel = new Map<string, Map<Did, DeliveryRef[]>>();
    for (const child of this.#toEnd(fanOut)) {
      const reason = endReason(fanOut, child);
      if (child.state === 'pending') {
        this.#endDelivery(fanOut, child, cancelled(reason), false, now);
      } else if (this.#firstTimeTold(child)) {
        const alike = toCancel.get(reason) ?? new Map<Did, DeliveryRef[]>();
        pushTo(alike, child.worker!, refOf(fanOut, child));
        toCancel.set(reason, alike);
      }
    }
    for (const [reason, alike] of toCancel)
      for (const [did, deliveries] of alike) this.#send(did, { type: 'cancel', deliveries, reason });
    if (fanOut.joined !== null && fanOut.losers === 'drain') this.#recallUnstarted(fanOut);
  }

  /** Draining starts nothing more, also not what waits at a worker. */
  #recallUnstarted(fanOut: FanOut): void {
    const toRecall = new Map<Did, DeliveryRef[]>();
    for (const child of fanOut.children) {
      const assignment = child.state === 'assigned' ? this.#assignmentOf(child) : undefined;
      if (assignment === undefined || assignment.startedAt !== null || assignment.recalled) continue;
      assignment.recalled = true;
      pushTo(toRecall, child.worker!, refOf(fanOut, child));
    }
    for (const [did, deliveries] of toRecall) this.#send(did, { type: 'recall', deliveries });
  }

  /** Children that are to end now. Costs nothing while nobody asked for it. */
  #toEnd(fanOut: FanOut): Child[] {
    const losersEnd = fanOut.joined !== null && fanOut.losers !== 'keep';
    if (!losersEnd && !this.#cancelling.has(fanOut)) return [];
    return fanOut.children.filter(child => child.state !== 'done' && this.#isToEnd(fanOut, child));
  }

  /** Whether somebody asked this child to end, or its join does. */
  #isToEnd(fanOut: FanOut, child: Child): boolean {
    if (child.cancelRequested !== null) return true;
    if (fanOut.joined === null || fanOut.losers === 'keep') return false;
    return child.state === 'pending' || fanOut.losers === 'cancel';
  }

  /** Fan-outs of which somebody asked to end something. */
  readonly #cancelling = new WeakSet<FanOut>();

  /** A worker is told once on a connection to end a delivery; `hello` makes it due again. */
  #firstTimeTold(child: Child): boolean {
    const assignment = this.#assignmentOf(child);
    if (assignment === undefined || assignment.told) return false;
    assignment.told = true;
    return true;
  }

  #assignmentOf(child: Child): Assignment | undefined {
    return this.links.get(child.worker!)?.assigned.get(child);
  }

  #join(fanOut: FanOut, decision: Decision, now: number): void {
    const body = joinBody(fanOut, decision);
    this.write({ act: 'KNOW', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
    this.#note(fanOut.task.thread);
  }

  #dispatch(now: number): void {
    const { placed, delayed } = planDispatch(this.state, this.links, now);
    this.#delayed.push(...delayed);
    const groups = new Map<string, Placement[]>();
    for (const placement of placed) pushTo(groups, `${placement.worker} ${placement.fanOut.id}`, placement);
    for (const group of groups.values()) this.#deliver(group, now);
  }

  /** Hands children of one fan-out to one worker. */
  #deliver(group: readonly Placement[], now: number): void {
    const { fanOut, worker } = group[0]!;
    const link = this.#link(worker, now);
    // One with a free slot has nothing waiting: it is given its time anew to report.
    if (link.assigned.size < this.#slotsOf(link)) link.lastReportAt = now;
    if (link.assigned.size === 0) link.lookAt = Number.POSITIVE_INFINITY;
    const children = group.map(({ child }) => [child.index, nextAttempt(child), child.deliveries] as const);
    const intents = group.map(({ child }) =>
      childIntent(this.#self, fanOut, child, worker, nextAttempt(child), child.deliveries),
    );
    for (const intent of intents) this.#own.push(intent);
    const body = { topic: TOPIC.spawned, round: fanOut.round, worker, children };
    this.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
    for (const { child } of group) {
      link.assigned.set(child, { fanOut, startedAt: null, recalled: false, told: false });
      this.#note(fanOut.task.thread, child.index);
    }
    link.lookAt = Math.min(link.lookAt, now + this.#lookMs(link));
    this.#send(worker, { type: 'deliver', records: intents });
  }

  /** What a worker says that it holds, against what the log says that it was given. */
  #reconcile(link: WorkerLink, held: readonly DeliveryRef[], now: number): void {
    const unexpected = new Map(held.map(ref => [keyOf(ref), ref]));
    const again: SealedRecord[] = [];
    const fenced: DeliveryRef[] = [];
    for (const [child, assignment] of [...link.assigned]) {
      const { fanOut } = assignment;
      const ref = refOf(fanOut, child);
      // What was said on an earlier connection may not have come.
      assignment.recalled = false;
      assignment.told = false;
      this.#look(fanOut);
      if (unexpected.delete(keyOf(ref))) continue;
      assignment.startedAt = null;
      if (child.cancelRequested === null && maySpawn(fanOut)) {
        again.push(childIntent(this.#self, fanOut, child, link.did, child.attempt, ref.delivery));
      } else {
        // It does not run there, and would only be started to be ended.
        this.#endDelivery(fanOut, child, cancelled(endReason(fanOut, child)), false, now);
        fenced.push(ref);
      }
    }
    if (again.length > 0) this.#send(link.did, { type: 'deliver', records: again });
    // What is over here may be running there: a coordinator ended it while this worker could not be told.
    fenced.push(...unexpected.values());
    if (fenced.length > 0) this.#send(link.did, { type: 'fence', deliveries: fenced });
  }

  #find(did: Did, ref: DeliveryRef): { fanOut: FanOut; child: Child } | undefined {
    const fanOut = this.state.tasks.get(ref.thread)?.fanOut;
    const child = fanOut?.children[ref.index];
    if (fanOut === null || fanOut === undefined || child === undefined) return undefined;
    return isPresent(child, did, ref.delivery) ? { fanOut, child } : undefined;
  }

  // --- time ---------------------------------------------------------------------------------------------------

  #linkDeadline(link: WorkerLink): number {
    const instance = this.state.instances.get(link.did);
    let next = Number.POSITIVE_INFINITY;
    if (instance?.status === 'live') next = link.heardAt + 2 * this.#heartbeatMs + 1;
    if (instance?.status === 'stale' || link.awaited) next = link.heardAt + this.#silenceMs(link) + 1;
    return link.assigned.size === 0 ? next : Math.min(next, link.lookAt);
  }

  /** How long a worker may be silent before it is ended: one on its way has as long as `fleet start` waits for it. */
  #silenceMs(link: WorkerLink): number {
    return Math.max(3 * this.#heartbeatMs, link.awaited ? START_PATIENCE_MS : 0);
  }

  /** How often to look at what a worker holds: more often while more than its slots waits there. */
  #lookMs(link: WorkerLink): number {
    return link.assigned.size > this.#slotsOf(link) ? STALL_LOOK_MS : OVERDUE_LOOK_MS;
  }

  /**
   * A tick that comes late, or a message before it, means that this process did not run for a while (a laptop that
   * slept): nobody is judged by a silence that it may not have heard through.
   */
  #noticeAbsence(now: number): void {
    const isLate = now - this.#expectedTick >= this.#heartbeatMs;
    this.#expectedTick = Number.POSITIVE_INFINITY;
    if (!isLate) return;
    for (const link of this.links.values()) {
      link.heardAt = now;
      link.lastReportAt = now;
      link.forgivenAt = now;
    }
  }

  #judgeInstances(now: number): void {
    for (const link of this.links.values()) {
      const instance = this.state.instances.get(link.did);
      if (instance === undefined || instance.role !== 'worker') continue;
      const silence = now - link.heardAt;
      const words = `silent for ${Math.round(silence / 100) / 10}s`;
      if (instance.status === 'live' && silence > 2 * this.#heartbeatMs) {
        // The next step is for the next tick: what came in while this process did not run is heard before it.
        this.#setStatus(link.did, 'stale', words, now);
      } else if (silence > this.#silenceMs(link) && (instance.status === 'stale' || link.awaited)) {
        this.#setStatus(link.did, 'archived', words, now);
        this.#effects.push({ type: 'end-process', did: link.did, reason: words });
        Object.assign(link, { awaited: true, heardAt: now });
      }
    }
  }

  /** The worker keeps the time-out; the coordinator does where the worker is silent. */
  #endOverdue(now: number): void {
    for (const link of this.links.values()) {
      for (const [child, { fanOut, startedAt }] of firstFew(link)) {
        if (startedAt === null || now < this.#overdueAt(link, fanOut, child, startedAt)) continue;
        const ref = refOf(fanOut, child);
        const timeout = fanOut.subtasks[child.index]!.timeout_secs;
        const reason = `no report within ${timeout}s`;
        const wall_time_secs = (now - startedAt) / 1000;
        this.#endDelivery(
          fanOut,
          child,
          { ...nothingRan, verdict: 'timeout', reason, wall_time_secs },
          false,
          now,
        );
        this.#send(link.did, { type: 'fence', deliveries: [ref] });
      }
    }
  }

  #overdueAt(link: WorkerLink, fanOut: FanOut, child: Child, startedAt: number): number {
    const endsAt = startedAt + fanOut.subtasks[child.index]!.timeout_secs * 1000;
    return Math.max(endsAt, link.forgivenAt) + Math.max(10_000, 3 * this.#heartbeatMs);
  }

  /** Takes back what waits at a busy worker while another one is free. */
  #recallStalled(now: number): void {
    const idle = [...this.links.values()].filter(
      link => link.connected && !link.stopping && link.assigned.size < this.#slotsOf(link),
    );
    if (idle.length === 0) return;
    for (const link of this.links.values()) {
      if (!link.connected) continue;
      const waiting = stalledBehind(link, this.#slotsOf(link), now).filter(child => isFree(link, child));
      const deliveries = waiting.slice(0, Math.ceil(waiting.length / 2)).map(child => {
        const assignment = link.assigned.get(child)!;
        assignment.recalled = true;
        return refOf(assignment.fanOut, child);
      });
      if (deliveries.length > 0) this.#send(link.did, { type: 'recall', deliveries });
    }
  }

  #endBackoffs(now: number): void {
    const due = this.#delayed.filter(([, child]) => child.notBefore <= now);
    if (due.length === 0) return;
    this.#delayed = this.#delayed.filter(([, child]) => child.notBefore > now);
    for (const [fanOut, child] of due) if (child.state === 'pending') markReady(fanOut, child);
  }

  // --- helpers ------------------------------------------------------------------------------------------------

  #slotsOf(link: WorkerLink): number {
    return this.state.instances.get(link.did)?.slots ?? 1;
  }

  #link(did: Did, now: number): WorkerLink {
    let link = this.links.get(did);
    if (link === undefined) this.links.set(did, (link = newLink(did, now)));
    return link;
  }

  #heard(link: WorkerLink, now: number): void {
    link.heardAt = now;
  }

  #setStatus(did: Did, status: StatusBody['status'], reason: string | null, now: number): void {
    const instance = this.state.instances.get(did);
    if (instance === undefined || (instance.status === status && instance.note === reason)) return;
    const body: StatusBody = { topic: TOPIC.status, did, status, reason };
    this.write({ act: 'DO', thread: RESERVED.instanceRegistry, body }, now);
    this.#instances.add(did);
    for (const { fanOut } of this.links.get(did)?.assigned.values() ?? []) this.#note(fanOut.task.thread);
  }

  #nextClock(actor: Did, thread: ThreadId): number {
    const clocks =
      thread === RESERVED.instanceRegistry ? this.state.registryClocks : this.state.tasks.get(thread)?.clocks;
    return clocks?.get(actor) ?? 0;
  }

  #apply(record: FleetRecord, now: number): void {
    applyRecord(this.state, record, now, this.#context);
    if (topicOf(record) === TOPIC.cancel) {
      const fanOut = this.state.tasks.get(record.thread)?.fanOut;
      if (fanOut != null) this.#cancelling.add(fanOut);
    }
  }

  /** Looks at a fan-out when the step is over. */
  #look(fanOut: FanOut): void {
    this.#dirty.add(fanOut);
  }

  #note(thread: ThreadId, index?: number): void {
    let set = this.#changed.get(thread);
    if (set === undefined) this.#changed.set(thread, (set = new Set()));
    if (index !== undefined) set.add(index);
  }

  #send(to: Did, message: ToWorker): void {
    this.#effects.push({ type: 'send', to, message });
  }

  #flushOwn(): void {
    if (this.#own.length === 0) return;
    this.#batches.push({ records: this.#own });
    this.#own = [];
  }
}

/** How often to look for work that waits at a busy worker, and for attempts that are overdue. */
const STALL_LOOK_MS = 100;
const OVERDUE_LOOK_MS = 1000;
/** How long a process that was launched may take until it is heard of. */
const START_PATIENCE_MS = 30_000;

function endReason(fanOut: FanOut, child: Child): string {
  return child.cancelRequested ?? cancelWords(fanOut);
}

function cancelWords(fanOut: FanOut): string {
  if (fanOut.task.cancelled !== null) return fanOut.task.cancelled.reason ?? 'cancelled by request';
  return fanOut.joined === null
    ? 'cancelled by request'
    : `the join was ${fanOut.joined.outcome} (losers: ${fanOut.losers})`;
}

function saysNothingNew(instance: Instance, body: HeartbeatBody): boolean {
  return (
    instance.endpoint === (body.endpoint ?? null) &&
    instance.version === body.version &&
    instance.health === body.health &&
    instance.pid === body.pid &&
    instance.pidStart === (body.pid_start ?? null) &&
    instance.slots === body.slots
  );
}

/** A child that may go to another worker. */
function isFree(link: WorkerLink, child: Child): boolean {
  const kind = link.assigned.get(child)!.fanOut.subtasks[child.index]!.target.kind;
  return kind === 'least-loaded' || kind === 'round-robin';
}

/** The deliveries that can be running: a worker starts them in order, so that only the first ones need a look. */
function* firstFew(link: WorkerLink): Generator<[Child, { fanOut: FanOut; startedAt: number | null }]> {
  let n = 0;
  for (const entry of link.assigned) {
    if (n++ >= 64) return;
    yield entry;
  }
}

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
