import type { Did } from '../../record/ids.ts';
import type { FleetRecord } from '../../record/record.ts';
import { TOPIC, topicOf, type ChildDoneBody } from '../model/record-bodies.ts';
import { isOutOfQuota, allowsStart } from '../model/circuit-breakers.ts';
import { childIntent, nextAttempt, nothingRan, whyWithoutResult } from './assignment-record.ts';
import { planDispatch, type Placement } from './scheduler.ts';
import { isPresent, markReady } from '../fold/apply-record.ts';
import { pushTo } from '../model/push-to.ts';
import { reusableFor } from '../model/reuse.ts';
import {
  lookMs,
  moveAssignment,
  newAssignment,
  noteWall,
  silentSinceOf,
  startedAtOf,
  type Assignment,
  type WorkerLink,
} from './worker-state.ts';
import type { DeliveryRef, Returned } from '../model/messages.ts';
import type { Membership } from './membership.ts';
import { recallForFree, recallWaiting } from './recalls.ts';
import type { Completion } from './completion.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { OutBatch, DecisionBuffer } from './decision-buffer.ts';

/** Manages deliveries: hands them to workers, and handles their start, report, return and loss. */
export class Assignments {
  readonly #step: DecisionBuffer;
  readonly #membership: Membership;
  readonly #completion: Completion;
  /** Children in back-off. */
  #delayed: [FanOut, Child][] = [];
  /** Children whose executor a policy no longer allows. */
  readonly #shutOut: [FanOut, Child][] = [];
  /** Children that wait for quota, by executor. */
  readonly #parked = new Map<string, [FanOut, Child][]>();

  constructor(step: DecisionBuffer, membership: Membership, completion: Completion) {
    this.#step = step;
    this.#membership = membership;
    this.#completion = completion;
  }

  /** Restores the assignments in the log. */
  resume(fanOut: FanOut, now: number): void {
    for (const child of fanOut.children)
      if (child.state === 'assigned')
        this.#membership.link(child.worker!, now).assigned.set(child, newAssignment(fanOut));
  }

  /**
   * Assigns startable children to workers. Ends those that lack a result of a dependency.
   * @returns true when it ended any, so that their consequences have to be decided
   */
  dispatch(now: number): boolean {
    this.#requeueThrottled(now);
    const { placed, delayed, parked, shutOut } = planDispatch(this.#step.state, this.#membership.links, now);
    this.#delayed.push(...delayed);
    for (const each of shutOut) this.#shutOut.push(each);
    for (const each of parked) pushTo(this.#parked, each[0].subtasks[each[1].index]!.executor, each);
    const byFanOut = new Map<FanOut, Placement[]>();
    const ended: (readonly [Placement, string])[] = [];
    for (const placement of placed) {
      const why = whyWithoutResult(placement.fanOut, placement.child);
      if (why === null) pushTo(byFanOut, placement.fanOut, placement);
      else ended.push([placement, why]);
    }
    for (const placements of byFanOut.values()) {
      const byWorker = new Map<Did, Placement[]>();
      for (const placement of placements) pushTo(byWorker, placement.worker, placement);
      for (const group of byWorker.values()) this.#deliver(group, now);
    }
    for (const [{ fanOut, child }, reason] of ended)
      this.#completion.endDelivery(fanOut, child, { ...nothingRan, verdict: 'failed', reason }, false, now);
    recallForFree(this.#step, this.#membership, now);
    return ended.length > 0;
  }

  reports(did: Did, batch: OutBatch, now: number): void {
    const link = this.#membership.noteContact(did, now);
    link.lastReportAt = now;
    this.#step.append(batch);
    for (const { record } of batch.records) this.#takeReport(link, record, now);
  }

  started(did: Did, refs: readonly DeliveryRef[], now: number): void {
    const link = this.#membership.noteContact(did, now);
    for (const ref of refs) {
      const found = this.#find(did, ref);
      const assignment = found && link.assigned.get(found.child);
      if (found === undefined || assignment === undefined) continue;
      moveAssignment(assignment, 'started', now);
      this.#step.note(ref.thread, ref.index);
    }
  }

  stalled(did: Did, refs: readonly DeliveryRef[], silentMs: number | null, now: number): void {
    const link = this.#membership.noteContact(did, now);
    for (const ref of refs) {
      const found = this.#find(did, ref);
      const assignment = found && link.assigned.get(found.child);
      if (assignment === undefined) continue;
      if (silentMs === null) moveAssignment(assignment, 'alive');
      else moveAssignment(assignment, 'silent', now - silentMs);
      this.#step.note(ref.thread, ref.index);
      this.#step.noteInstance(did);
    }
  }

  returned(did: Did, { deliveries, reason, begun }: Returned, now: number): void {
    const link = this.#membership.noteContact(did, now);
    const byFanOut = new Map<FanOut, Child[]>();
    for (const ref of deliveries) {
      const found = this.#find(did, ref);
      if (found === undefined) continue;
      link.assigned.delete(found.child);
      pushTo(byFanOut, found.fanOut, found.child);
    }
    for (const [fanOut, children] of byFanOut) {
      const body = {
        topic: TOPIC.returned,
        worker: did,
        reason,
        children: children.map(child => [child.index, child.deliveries - 1] as const),
        ...(begun && { begun }),
      };
      this.#step.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
      for (const child of children) this.#step.note(fanOut.task.thread, child.index);
      this.#completion.endAsAsked(fanOut);
    }
  }

  /** Ends everything assigned to a worker that will not come back as lost. */
  abandon(did: Did, reason: string, now: number): void {
    const link = this.#membership.abandoned(did, now);
    const result = { ...nothingRan, verdict: 'failed', reason: `worker lost: ${reason}` } as const;
    for (const [child, { fanOut }] of [...link.assigned])
      this.#completion.endDelivery(fanOut, child, result, true, now);
  }

  /** Returns the time at which this child's worker reported its start, in ms; null while it waits or has reported none. */
  startedAt(child: Child): number | null {
    const assignment = this.#assignmentOf(child);
    return assignment === undefined ? null : startedAtOf(assignment);
  }

  /** Returns the time since which this running child shows no sign of life, in ms; null while it shows one. */
  silentSince(child: Child): number | null {
    const assignment = this.#assignmentOf(child);
    return assignment === undefined ? null : silentSinceOf(assignment);
  }

  #assignmentOf(child: Child): Assignment | undefined {
    return child.worker === null ? undefined : this.#membership.links.get(child.worker)?.assigned.get(child);
  }

  /**
   * The next time, in ms, at which a child's back-off ends or an executor's breaker allows a test; infinite without
   * one.
   */
  get nextBackoff(): number {
    let next = Infinity;
    for (const executor of this.#parked.keys()) {
      const breaker = this.#step.state.breakers.get(executor);
      if (breaker?.probe === null) next = Math.min(next, breaker.until);
    }
    return this.#delayed.reduce((first, [, { notBefore }]) => Math.min(first, notBefore), next);
  }

  endBackoffs(now: number): void {
    const due = this.#delayed.filter(([, child]) => child.notBefore <= now);
    if (due.length === 0) return;
    this.#delayed = this.#delayed.filter(([, child]) => child.notBefore > now);
    for (const [fanOut, child] of due)
      if (child.state === 'pending') markReady(this.#step.state, fanOut, child);
  }

  /** Queues children again that a policy kept from running: a new worker may be allowed. */
  requeueDenied(): void {
    for (const [fanOut, child] of this.#shutOut.splice(0))
      if (child.state === 'pending') markReady(this.#step.state, fanOut, child);
  }

  /** Queues children again whose executor allows a start. One of them tests for quota. */
  #requeueThrottled(now: number): void {
    for (const [executor, parked] of this.#parked) {
      if (!allowsStart(this.#step.state.breakers, executor, now)) continue;
      this.#parked.delete(executor);
      for (const [fanOut, child] of parked)
        if (child.state === 'pending') markReady(this.#step.state, fanOut, child);
    }
  }

  /** Delivers children of one fan-out to one worker. */
  #deliver(group: readonly Placement[], now: number): void {
    const { fanOut, worker } = group[0]!;
    const link = this.#membership.link(worker, now);
    const slots = this.#membership.slotsOf(link);
    // A worker with a free slot has no waiting deliveries, so its time to report starts again.
    if (link.assigned.size < slots) link.lastReportAt = now;
    if (link.assigned.size === 0) link.lookAt = Number.POSITIVE_INFINITY;
    const children = group.map(({ child }) => [child.index, nextAttempt(child), child.deliveries] as const);
    const intents = group.map(({ child }) =>
      childIntent(
        this.#step.self,
        fanOut,
        child,
        worker,
        nextAttempt(child),
        child.deliveries,
        reusableFor(this.#step.state, fanOut, child.index),
      ),
    );
    this.#step.accompany(intents);
    const body = { topic: TOPIC.spawned, round: fanOut.round, worker, children };
    this.#step.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
    for (const { child } of group) {
      link.assigned.set(child, newAssignment(fanOut));
      this.#step.note(fanOut.task.thread, child.index);
    }
    link.lookAt = Math.min(link.lookAt, now + lookMs(link, slots));
    this.#membership.renewPermit(link, now);
    this.#step.send(worker, { type: 'deliver', records: intents });
  }

  #takeReport(link: WorkerLink, record: FleetRecord, now: number): void {
    const fanOut = this.#step.state.tasks.get(record.thread)?.fanOut;
    const body = record.body as unknown as ChildDoneBody;
    const child = topicOf(record) === TOPIC.childDone ? fanOut?.children[body.index] : undefined;
    const present = child !== undefined && isPresent(child, record.actor, body.delivery);
    this.#step.apply(record, now);
    if (fanOut === null || fanOut === undefined || child === undefined || !present) return;
    link.assigned.delete(child);
    // A lost, cancelled or out-of-quota attempt says nothing about the usual duration of attempts.
    if (isOutOfQuota(body)) this.#holdBack(fanOut.subtasks[child.index]!.executor);
    else if (body.lost !== true && body.verdict !== 'cancelled') noteWall(link, child.wallMs);
    this.#completion.ended(fanOut, child);
  }

  /** Recalls the deliveries that wait at workers for an executor that is out of quota. */
  #holdBack(executor: string): void {
    recallWaiting(this.#step, this.#membership, executor);
    this.#step.noteInstance(this.#step.self);
  }

  #find(did: Did, ref: DeliveryRef): { fanOut: FanOut; child: Child } | undefined {
    const fanOut = this.#step.state.tasks.get(ref.thread)?.fanOut;
    const child = fanOut?.children[ref.index];
    if (fanOut === null || fanOut === undefined || child === undefined) return undefined;
    return isPresent(child, did, ref.delivery) ? { fanOut, child } : undefined;
  }
}
