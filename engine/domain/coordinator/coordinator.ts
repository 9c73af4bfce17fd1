import { isWithin } from '../../contract/namespaces.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import type { FleetRecord, SealedRecord } from '../../record/record.ts';
import {
  asJson,
  TOPIC,
  type AdmittedBody,
  type CommandDoneBody,
  type HeartbeatBody,
} from '../model/record-bodies.ts';
import { Deferrals } from './deferrals.ts';
import { releaseQueueOf } from './scheduler.ts';
import { Assignments } from './assignments.ts';
import { isLinked, type WorkerLink } from './worker-state.ts';
import { ENVIRONMENT_GONE, type DeliveryRef, type Returned } from '../model/messages.ts';
import type { CelCompiler } from '../model/predicate.ts';
import { Membership } from './membership.ts';
import { reconcile } from './reconcile.ts';
import { namespaceOfBody, requirePermitted } from '../policy/permission-rules.ts';
import { Completion } from './completion.ts';
import { environmentOf, type Child, type FleetState, type Task } from '../model/state.ts';
import {
  DecisionBuffer,
  type Draft,
  type OutBatch,
  type Output,
  type StepOptions,
} from './decision-buffer.ts';
import { Timeouts } from './timeouts.ts';

export interface CoordinatorOptions extends StepOptions {
  readonly heartbeatMs: number;
}

/**
 * The rules of a coordinator as a state machine without effects: it is told what happened, with the time, and
 * says which records to append and what to do once they are durable. Its own decisions are applied to the state at
 * once; if they can't be made durable the engine stops, and the state goes with it.
 *
 * The shape follows etcd's raft: inputs in, a `take()` of what is ready out. This is the door: each input goes to the
 * room that it is about, and the step then ends with `settle`.
 */
export class Coordinator {
  readonly self: Did;
  readonly state: FleetState;
  readonly links: ReadonlyMap<Did, WorkerLink>;
  readonly #cel: CelCompiler;
  readonly #step: DecisionBuffer;
  readonly #membership: Membership;
  readonly #completion: Completion;
  readonly #assignments: Assignments;
  readonly #deferrals: Deferrals;
  readonly #timeouts: Timeouts;

  constructor(options: CoordinatorOptions, step = new DecisionBuffer(options)) {
    const presence = new Membership(step);
    const settling = new Completion(step, presence);
    const handover = new Assignments(step, presence, settling);
    this.self = step.self;
    this.state = step.state;
    this.links = presence.links;
    this.#cel = options.cel;
    this.#step = step;
    this.#membership = presence;
    this.#completion = settling;
    this.#assignments = handover;
    this.#deferrals = new Deferrals(step);
    const rooms = { step, presence, settling, handover, deferrals: this.#deferrals };
    this.#timeouts = new Timeouts(rooms, options.heartbeatMs);
  }

  /** Everything decided since the last call. The caller appends the batches in order, then does the effects. */
  take(): Output {
    return this.#step.take();
  }

  /** The time at which `tick` wants to be called, in ms, or undefined when nothing is waited for. */
  nextDeadline(now: number): number | undefined {
    return this.#timeouts.nextDeadline(now);
  }

  /** Time has passed. */
  tick(now: number): void {
    this.#timeouts.tick(now);
    this.settle(now);
  }

  /**
   * Takes up what the log left open: a decision that its last writer did not get to make durable is made now.
   * Workers that the log holds for alive have two heartbeat intervals to come back.
   */
  resume(now: number): void {
    this.#membership.resume(now);
    this.#deferrals.resume(now);
    for (const thread of this.state.open) {
      const fanOut = this.state.tasks.get(thread)!.fanOut!;
      this.#assignments.resume(fanOut, now);
      this.#completion.resume(fanOut);
    }
    this.settle(now);
  }

  /**
   * Writes what somebody asked for, as a record of the coordinator's or in that one's name, and applies it.
   * @throws SCOPE_FORBIDDEN when a rule refuses it.
   */
  write(draft: Draft, now: number): SealedRecord {
    this.permit(draft);
    return this.#step.write(draft, now);
  }

  /** Asks the rules whether this may be written. @throws SCOPE_FORBIDDEN */
  permit({ act, thread, actor, body }: Draft): void {
    if (this.state.rules.size === 0) return;
    const issuer = 'issued_by' in body ? body.issued_by : undefined;
    requirePermitted(this.state, this.#cel, {
      actor: actor ?? issuer ?? this.self,
      act,
      namespace: namespaceOfBody(this.state, thread, body),
      thread,
      body: asJson(body),
    });
  }

  /** Appends a client's own record; the caller has checked what it may be. */
  writeForeign(sealed: SealedRecord, now: number): void {
    this.#step.writeSealed(sealed, now);
  }

  /** Appends what a snapshot of another home has, with the signature that it came with; the caller has checked it. */
  writeRestored(batch: OutBatch, now: number): void {
    this.#step.append(batch);
    for (const { record } of batch.records) this.#step.apply(record, now);
  }

  /** Has the fan-out of this task looked at when the step ends. */
  touch(task: Task, children: readonly Child[] = []): void {
    this.#step.touch(task, children);
  }

  /** Has the children gone through that somebody asked to end. */
  endAsAsked(task: Task): void {
    this.touch(task);
    if (task.fanOut !== null) this.#completion.endAsAsked(task.fanOut);
  }

  /** Somebody has said how a task stands. */
  onTaskChanged(task: Task, now: number): void {
    this.#deferrals.noted(task, now);
    this.touch(task);
  }

  /** Ends the step: what follows from it is decided, and what may start is placed. */
  settle(now: number): void {
    this.#completion.settle(now);
    this.#assignments.dispatch(now);
  }

  /** A worker is connected, anew or again, at this time by its own clock, and says which deliveries it holds. */
  hello(did: Did, held: readonly DeliveryRef[], at: number, now: number): void {
    const link = this.#membership.connected(did, at, now);
    reconcile(this.#step, this.#completion, this.#assignments, link, held, now);
    this.settle(now);
  }

  /** Records that a worker reported; only those that the log does not have yet, verified and decoded. */
  reports(did: Did, batch: OutBatch, now: number): void {
    this.#assignments.reports(did, batch, now);
    this.settle(now);
  }

  /** Everything before this number of a worker's outbox is in the log, or about to be. */
  acknowledge(did: Did, upTo: number): void {
    this.#step.send(did, { type: 'ack', upTo });
  }

  /** A worker asks, at this time by its own clock, whether it may go on starting what it holds. */
  asked(did: Did, at: number, now: number): void {
    this.#membership.asked(did, at, now);
  }

  /** Handles a change of what may start in this namespace and below it: tells workers, and lets waiting children start. */
  controlChanged(namespace: string, now: number): void {
    for (const link of this.links.values()) {
      if (isLinked(link)) this.#membership.permit(link, now);
      // A policy may deny a worker for which something was lined up.
      releaseQueueOf(this.state, link.did);
    }
    this.#assignments.requeueDenied();
    for (const thread of this.state.open) {
      const task = this.state.tasks.get(thread)!;
      if (isWithin(task.fanOut!.namespace, namespace)) this.touch(task);
    }
    this.#step.noteInstance(this.#step.self);
    this.noteNamespace(namespace);
    this.settle(now);
  }

  /** Tells watchers of a namespace; of one that is new it is all there is to do, since nothing waits in it. */
  noteNamespace(id: string): void {
    this.#step.noteNamespace(id);
  }

  started(did: Did, refs: readonly DeliveryRef[], now: number): void {
    this.#assignments.started(did, refs, now);
  }

  /** Attempts show no sign of life for so long, in ms; null: they do again. */
  stalled(did: Did, refs: readonly DeliveryRef[], silentMs: number | null, now: number): void {
    this.#assignments.stalled(did, refs, silentMs, now);
  }

  /** Deliveries came back: recalled before they started, or handed back by a worker that drains. */
  returned(did: Did, returned: Returned, now: number): void {
    if (returned.reason === ENVIRONMENT_GONE) this.environmentsGone(environmentsOf(this.state, returned));
    this.#assignments.returned(did, returned, now);
    this.settle(now);
  }

  /** These environments are kept no more: what was to run in them waits. */
  environmentsGone(names: Iterable<string>): void {
    for (const name of names) this.state.goneEnvironments.add(name);
  }

  /** A heartbeat. It is written only when it says something new; otherwise it is held in memory. */
  heartbeat(did: Did, sealed: SealedRecord, signature: OutBatch['signature'], at: number, now: number): void {
    const instance = this.state.instances.get(did);
    if (instance === undefined || (sealed.record.body as unknown as HeartbeatBody).did !== did) return;
    this.#membership.heartbeat(instance, sealed, signature, at, now);
    this.settle(now);
  }

  /** The connection is lost; the process may live. */
  disconnected(did: Did): void {
    this.#membership.disconnected(did);
  }

  /** A local worker's process is known to be gone. What it had waits for its restart, or for `abandon`. */
  gone(did: Did, reason: string, now: number): void {
    this.#membership.gone(did, reason, now);
    this.settle(now);
  }

  /** A worker will not come back: what it had is lost, and goes elsewhere where it may. */
  abandon(did: Did, reason: string, now: number): void {
    this.#assignments.abandon(did, reason, now);
    this.settle(now);
  }

  /** Notes that a worker was told to stop, and tells it. */
  stop(did: Did, graceMs: number, now: number): void {
    this.#membership.stop(did, graceMs, now);
  }

  /** A worker has stopped as it was told to. */
  stopped(did: Did, now: number): void {
    this.#membership.stopped(did, now);
    this.settle(now);
  }

  /** Writes down that an instance belongs to the fleet; a worker is expected to come up. */
  admit(body: Omit<AdmittedBody, 'topic'>, now: number): void {
    this.#membership.admit(body, now);
  }

  /** Remembers that a command was done. No rule is asked: they let the command itself in, or not. */
  noteDone(body: CommandDoneBody, now: number): void {
    this.#step.write({ act: 'LEARN', thread: RESERVED.engineConfig, body }, now);
  }

  /** Chooses the executor of subtasks that name none. */
  chooseExecutor(executor: string, now: number): void {
    if (this.state.defaultExecutor === executor) return;
    const body = { topic: TOPIC.fleetConfig, executor } as const;
    this.#step.write({ act: 'LEARN', thread: RESERVED.instanceRegistry, body }, now);
  }

  /** Chooses the threads that every command may read: these, and no others. */
  chooseShared(threads: readonly ThreadId[], now: number): void {
    const shared = threads.map(thread => ({ thread, name: this.#nameOf(thread) }));
    if (JSON.stringify(shared) === JSON.stringify(this.state.shared)) return;
    const body = { topic: TOPIC.fleetConfig, shared } as const;
    this.#step.write({ act: 'LEARN', thread: RESERVED.instanceRegistry, body }, now);
  }

  /** An alias means the newest of its tasks; the others are named by their threads. */
  #nameOf(thread: ThreadId): string {
    const alias = this.state.tasks.get(thread)?.facts.alias;
    return alias !== undefined && this.state.aliases.get(alias) === thread ? alias : thread;
  }

  /** The coordinator's own heartbeat at its start: written when it says something new. */
  registerSelf(sealed: SealedRecord, now: number): void {
    this.#membership.registerSelf(sealed, now);
  }

  /** Corrects what was applied before it was durable to the time that the log gave it. */
  stamp(record: FleetRecord, at: number): void {
    this.#step.stamp(record, at);
  }

  /** Tells whether messages reach this worker. */
  isLinked(did: Did): boolean {
    const link = this.links.get(did);
    return link !== undefined && isLinked(link);
  }

  /** Returns the time at which this child's worker reported its start, in ms; null while it waits or has reported none. */
  startedAt(child: Child): number | null {
    return this.#assignments.startedAt(child);
  }

  /** Since when this child shows no sign of life where it runs, in ms; null while it does. */
  silentSince(child: Child): number | null {
    return this.#assignments.silentSince(child);
  }
}

/** The names of the environments that deliveries were to run in. */
function environmentsOf(state: FleetState, { deliveries }: Returned): string[] {
  return deliveries.flatMap(({ thread, index }) => {
    const fanOut = state.tasks.get(thread)?.fanOut;
    const child = fanOut?.children[index];
    return fanOut == null || child === undefined ? [] : (environmentOf(fanOut, child) ?? []);
  });
}
