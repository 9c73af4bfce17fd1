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
 * The coordinator's rules as a state machine without effects. Inputs are events with their time; outputs are records to
 * append, and effects for when they are durable. Decisions are applied to the state immediately. If they can't be made
 * durable, the engine stops and discards the state.
 *
 * The shape follows etcd's raft: inputs in, a `take()` of the results out. This class passes each input to the part
 * that handles it, and then ends the step with `settle`.
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
    const membership = new Membership(step);
    const completion = new Completion(step, membership);
    const assignments = new Assignments(step, membership, completion);
    this.self = step.self;
    this.state = step.state;
    this.links = membership.links;
    this.#cel = options.cel;
    this.#step = step;
    this.#membership = membership;
    this.#completion = completion;
    this.#assignments = assignments;
    this.#deferrals = new Deferrals(step);
    const parts = { step, membership, completion, assignments, deferrals: this.#deferrals };
    this.#timeouts = new Timeouts(parts, options.heartbeatMs);
  }

  /** Returns everything decided since the last call. The caller appends the batches in order, then runs the effects. */
  take(): Output {
    return this.#step.take();
  }

  /** Returns the time in ms at which to call `tick`; undefined when no deadline is pending. */
  nextDeadline(now: number): number | undefined {
    return this.#timeouts.nextDeadline(now);
  }

  /** Handles the passing of time. */
  tick(now: number): void {
    this.#timeouts.tick(now);
    this.settle(now);
  }

  /**
   * Resumes the work that the log left open, and makes the decisions that its last writer did not make durable. Workers
   * that are alive by the log get two heartbeat intervals to reconnect.
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
   * Writes a record in the name of the coordinator or of the draft's actor, and applies it.
   * @throws SCOPE_FORBIDDEN when a rule refuses it
   */
  write(draft: Draft, now: number): SealedRecord {
    this.permit(draft);
    return this.#step.write(draft, now);
  }

  /** Checks a draft against the permission rules. @throws SCOPE_FORBIDDEN */
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

  /** Appends a client's own record. The caller has checked that it is allowed. */
  writeForeign(sealed: SealedRecord, now: number): void {
    this.#step.writeSealed(sealed, now);
  }

  /** Appends records of another home's snapshot, with their signature. The caller has checked them. */
  writeRestored(batch: OutBatch, now: number): void {
    this.#step.append(batch);
    for (const { record } of batch.records) this.#step.apply(record, now);
  }

  /** Marks the task's fan-out for review at the end of the step. */
  touch(task: Task, children: readonly Child[] = []): void {
    this.#step.touch(task, children);
  }

  /** Ends the children that a person asked to end. */
  endAsAsked(task: Task): void {
    this.touch(task);
    if (task.fanOut !== null) this.#completion.endAsAsked(task.fanOut);
  }

  /** Handles a changed task status. */
  onTaskChanged(task: Task, now: number): void {
    this.#deferrals.noted(task, now);
    this.touch(task);
  }

  /** Ends the step: decides all consequences, and assigns startable children. */
  settle(now: number): void {
    do this.#completion.settle(now);
    while (this.#assignments.dispatch(now));
  }

  /** Handles a worker's connection or reconnection. `at` is the time by the worker's clock, `held` its deliveries. */
  hello(did: Did, held: readonly DeliveryRef[], at: number, now: number): void {
    const link = this.#membership.connected(did, at, now);
    reconcile(this.#step, this.#completion, this.#assignments, link, held, now);
    this.settle(now);
  }

  /** Appends a worker's reports. They are verified, decoded, and not yet in the log. */
  reports(did: Did, batch: OutBatch, now: number): void {
    this.#assignments.reports(did, batch, now);
    this.settle(now);
  }

  /**
   * Acknowledges a worker's outbox up to this number. All reports before it are in the log, or in this step's records.
   */
  acknowledge(did: Did, upTo: number): void {
    this.#step.send(did, { type: 'ack', upTo });
  }

  /** Handles a worker's request for a permit. `at` is the time by the worker's clock. */
  asked(did: Did, at: number, now: number): void {
    this.#membership.asked(did, at, now);
  }

  /** Handles a change of what may start in this namespace and below: informs workers, and starts waiting children. */
  controlChanged(namespace: string, now: number): void {
    for (const link of this.links.values()) {
      if (isLinked(link)) this.#membership.permit(link, now);
      // A policy may now deny a worker that children are queued for.
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

  /** Notifies watchers of a namespace. A new namespace needs nothing else, since no work waits in it. */
  noteNamespace(id: string): void {
    this.#step.noteNamespace(id);
  }

  started(did: Did, refs: readonly DeliveryRef[], now: number): void {
    this.#assignments.started(did, refs, now);
  }

  /** Handles attempts that have shown no sign of life for `silentMs`; null when they show one again. */
  stalled(did: Did, refs: readonly DeliveryRef[], silentMs: number | null, now: number): void {
    this.#assignments.stalled(did, refs, silentMs, now);
  }

  /** Handles returned deliveries: recalled before they started, or handed back by a draining worker. */
  returned(did: Did, returned: Returned, now: number): void {
    if (returned.reason === ENVIRONMENT_GONE) this.environmentsGone(environmentsOf(this.state, returned));
    this.#assignments.returned(did, returned, now);
    this.settle(now);
  }

  /** Handles the loss of environments. Work that needs one of them waits. */
  environmentsGone(names: Iterable<string>): void {
    for (const name of names) this.state.goneEnvironments.add(name);
  }

  /** Handles a heartbeat. It is written only when it contains something new, and otherwise kept in memory. */
  heartbeat(did: Did, sealed: SealedRecord, signature: OutBatch['signature'], at: number, now: number): void {
    const instance = this.state.instances.get(did);
    if (instance === undefined || (sealed.record.body as unknown as HeartbeatBody).did !== did) return;
    this.#membership.heartbeat(instance, sealed, signature, at, now);
    this.settle(now);
  }

  /** Handles a lost connection. The worker's process may still run. */
  disconnected(did: Did): void {
    this.#membership.disconnected(did);
  }

  /** Handles the end of a local worker's process. Its work waits for a restart or for `abandon`. */
  gone(did: Did, reason: string, now: number): void {
    this.#membership.gone(did, reason, now);
    this.settle(now);
  }

  /** Handles a worker that will not come back. Its work is lost, and retried elsewhere where allowed. */
  abandon(did: Did, reason: string, now: number): void {
    this.#assignments.abandon(did, reason, now);
    this.settle(now);
  }

  /** Records that a worker was told to stop, and sends it the stop. */
  stop(did: Did, graceMs: number, now: number): void {
    this.#membership.stop(did, graceMs, now);
  }

  /** Handles the end of a worker that was told to stop. */
  stopped(did: Did, now: number): void {
    this.#membership.stopped(did, now);
    this.settle(now);
  }

  /** Records that an instance belongs to the fleet. A worker is then expected to start. */
  admit(body: Omit<AdmittedBody, 'topic'>, now: number): void {
    this.#membership.admit(body, now);
  }

  /**
   * Records that a command is done. The permission rules were asked about the command itself, so they are not asked
   * again.
   */
  noteDone(body: CommandDoneBody, now: number): void {
    this.#step.write({ act: 'LEARN', thread: RESERVED.engineConfig, body }, now);
  }

  /** Sets the executor of subtasks that name none. */
  chooseExecutor(executor: string, now: number): void {
    if (this.state.defaultExecutor === executor) return;
    const body = { topic: TOPIC.fleetConfig, executor } as const;
    this.#step.write({ act: 'LEARN', thread: RESERVED.instanceRegistry, body }, now);
  }

  /** Sets the complete list of threads that every command may read. */
  chooseShared(threads: readonly ThreadId[], now: number): void {
    const shared = threads.map(thread => ({ thread, name: this.#nameOf(thread) }));
    if (JSON.stringify(shared) === JSON.stringify(this.state.shared)) return;
    const body = { topic: TOPIC.fleetConfig, shared } as const;
    this.#step.write({ act: 'LEARN', thread: RESERVED.instanceRegistry, body }, now);
  }

  /**
   * Returns the name of a thread's task. An alias refers to the newest task that has it; older ones are named by their
   * threads.
   */
  #nameOf(thread: ThreadId): string {
    const alias = this.state.tasks.get(thread)?.facts.alias;
    return alias !== undefined && this.state.aliases.get(alias) === thread ? alias : thread;
  }

  /** Handles the coordinator's own heartbeat at its start. It is written when it contains something new. */
  registerSelf(sealed: SealedRecord, now: number): void {
    this.#membership.registerSelf(sealed, now);
  }

  /** Corrects the time of a record that was applied before it was durable to the time in the log. */
  stamp(record: FleetRecord, at: number): void {
    this.#step.stamp(record, at);
  }

  /** Returns true when a worker is connected. */
  isLinked(did: Did): boolean {
    const link = this.links.get(did);
    return link !== undefined && isLinked(link);
  }

  /** Returns the time at which this child's worker reported its start, in ms; null while it waits or has reported none. */
  startedAt(child: Child): number | null {
    return this.#assignments.startedAt(child);
  }

  /** Returns the time since which this running child shows no sign of life, in ms; null while it shows one. */
  silentSince(child: Child): number | null {
    return this.#assignments.silentSince(child);
  }
}

/** Returns the names of the environments that these deliveries need. */
function environmentsOf(state: FleetState, { deliveries }: Returned): string[] {
  return deliveries.flatMap(({ thread, index }) => {
    const fanOut = state.tasks.get(thread)?.fanOut;
    const child = fanOut?.children[index];
    return fanOut == null || child === undefined ? [] : (environmentOf(fanOut, child) ?? []);
  });
}
