import { RESERVED, type Did } from '../../record/ids.ts';
import type { SealedRecord } from '../../record/record.ts';
import { TOPIC, type AdmittedBody, type HeartbeatBody, type StatusBody } from '../model/record-bodies.ts';
import { releaseQueueOf } from './scheduler.ts';
import { applyHeartbeat } from '../fold/apply-record.ts';
import { blockedFor } from '../policy/blocked-namespaces.ts';
import { PERMIT_MS } from '../model/messages.ts';
import { isLinked, newLink, STALL_LOOK_MS, type WorkerLink } from './worker-state.ts';
import { after, next } from '../model/machine.ts';
import { COMES_UP, CONNECTION, ORDER, STATUS, type WorkerEvent } from '../model/worker-machines.ts';
import type { Instance } from '../model/state.ts';
import type { OutBatch, DecisionBuffer } from './decision-buffer.ts';

/** Manages the members of the fleet, their connections and their status in the log. */
export class Membership {
  readonly links = new Map<Did, WorkerLink>();
  readonly #step: DecisionBuffer;

  constructor(step: DecisionBuffer) {
    this.#step = step;
  }

  /** Returns the worker's state outside the log, and creates it if necessary. */
  link(did: Did, now: number): WorkerLink {
    let link = this.links.get(did);
    if (link === undefined) this.links.set(did, (link = newLink(did, now)));
    return link;
  }

  /** Returns the same, and notes that the worker was just heard from. */
  noteContact(did: Did, now: number): WorkerLink {
    const link = this.link(did, now);
    link.lastContactAt = now;
    return link;
  }

  slotsOf(link: WorkerLink): number {
    return this.#step.state.instances.get(link.did)?.slots ?? 1;
  }

  /**
   * Applies an event to a worker's connection and order and, where the table says so, to its status, with this reason.
   */
  happens(link: WorkerLink, event: WorkerEvent, now: number, reason: string | null = null): void {
    link.connection = after(CONNECTION, link.connection, event);
    link.order = after(ORDER, link.order, event);
    const status = this.#step.state.instances.get(link.did)?.status;
    const to = status === undefined ? null : next(STATUS, status, event);
    if (to !== null) this.#setStatus(link.did, to, reason, now);
  }

  #setStatus(did: Did, status: StatusBody['status'], reason: string | null, now: number): void {
    const instance = this.#step.state.instances.get(did);
    if (instance === undefined || (instance.status === status && instance.note === reason)) return;
    const body: StatusBody = { topic: TOPIC.status, did, status, reason };
    this.#step.write({ act: 'DO', thread: RESERVED.instanceRegistry, body }, now);
    this.#step.noteInstance(did);
    for (const { fanOut } of this.links.get(did)?.assigned.values() ?? [])
      this.#step.note(fanOut.task.thread);
  }

  /** Gives workers that are alive by the log two heartbeat intervals to reconnect. */
  resume(now: number): void {
    for (const { role, did, status } of this.#step.state.instances.values())
      if (role === 'worker') this.link(did, now).connection = COMES_UP[status];
  }

  /** Handles a worker's connection or reconnection. `at` is the time by the worker's clock. */
  connected(did: Did, at: number, now: number): WorkerLink {
    const link = this.noteContact(did, now);
    Object.assign(link, { clock: { at, lastContactAt: now }, permittedAt: Number.NEGATIVE_INFINITY });
    if (!isLinked(link)) link.upSince = now;
    link.lastReportAt = now;
    link.lookAt = now + STALL_LOOK_MS;
    this.happens(link, 'connected', now);
    // Watchers that wait for the worker need this event even when its status in the log stayed `live`.
    this.#step.noteInstance(did);
    this.permit(link, now);
    // The worker may have missed an earlier stop. It then hands back what it is given again.
    if (link.order === 'stop') this.#step.send(did, { type: 'stop', graceMs: link.graceMs });
    return link;
  }

  /** Handles a worker's request for a permit. */
  asked(did: Did, at: number, now: number): void {
    const link = this.noteContact(did, now);
    link.clock = { at, lastContactAt: now };
    this.permit(link, now);
  }

  /** Sends a worker the frozen namespaces, and permits it to start everything else for a while. */
  permit(link: WorkerLink, now: number): void {
    const asOf = timeAt(link, now);
    link.permittedAt = Math.max(link.permittedAt, asOf);
    this.#step.send(link.did, { type: 'permit', asOf, frozen: blockedFor(this.#step.state, now) });
  }

  /** Renews a worker's permit before a delivery, so that the delivery need not wait for one. */
  renewPermit(link: WorkerLink, now: number): void {
    if (timeAt(link, now) - link.permittedAt > PERMIT_MS / 2) this.permit(link, now);
  }

  disconnected(did: Did): void {
    const link = this.links.get(did);
    // A lost connection alone changes no status.
    if (link !== undefined) link.connection = after(CONNECTION, link.connection, 'disconnected');
    releaseQueueOf(this.#step.state, did);
  }

  gone(did: Did, reason: string, now: number): void {
    this.#leaves(did, 'gone', now, reason).lastContactAt = now;
  }

  abandoned(did: Did, now: number): WorkerLink {
    return this.#leaves(did, 'abandoned', now);
  }

  stop(did: Did, graceMs: number, now: number): void {
    this.#leaves(did, 'told to stop', now).graceMs = graceMs;
    this.#step.send(did, { type: 'stop', graceMs });
  }

  stopped(did: Did, now: number): void {
    this.#leaves(did, 'stopped', now);
  }

  /** Handles a worker that takes no more work: children queued for it may go to other workers. */
  #leaves(did: Did, event: WorkerEvent, now: number, reason: string | null = null): WorkerLink {
    const link = this.link(did, now);
    releaseQueueOf(this.#step.state, did);
    this.happens(link, event, now, reason);
    return link;
  }

  admit(body: Omit<AdmittedBody, 'topic'>, now: number): void {
    if (body.role === 'worker') this.happens(this.noteContact(body.did, now), 'admitted', now);
    const admitted = { topic: TOPIC.admitted, ...body };
    this.#step.write({ act: 'LEARN', thread: RESERVED.instanceRegistry, body: admitted }, now);
    this.#step.noteInstance(body.did);
  }

  registerSelf(sealed: SealedRecord, now: number): void {
    const { self, state } = this.#step;
    const instance = state.instances.get(self);
    if (instance !== undefined && !isUnchanged(instance, sealed.record.body as unknown as HeartbeatBody))
      this.#step.writeSealed(sealed, now);
    this.#setStatus(self, 'live', null, now);
    this.#step.noteInstance(self);
  }

  /** Handles a heartbeat of an instance in the fleet. */
  heartbeat(
    instance: Instance,
    sealed: SealedRecord,
    signature: OutBatch['signature'],
    at: number,
    now: number,
  ): void {
    const { did } = instance;
    const body = sealed.record.body as unknown as HeartbeatBody;
    const link = this.noteContact(did, now);
    link.clock = { at, lastContactAt: now };
    link.activeDispatches = body.active_dispatches;
    link.storeRecords = body.store_records;
    link.upSince = Math.min(link.upSince, now - body.uptime_secs * 1000);
    if (isUnchanged(instance, body)) {
      applyHeartbeat(instance, body, now);
    } else {
      this.#step.append(signature === undefined ? { records: [sealed] } : { records: [sealed], signature });
      this.#step.apply(sealed.record, now);
      this.#step.noteInstance(did);
    }
    if (isLinked(link)) this.happens(link, 'heard', now);
  }
}

/**
 * Returns a lower bound of the present time by a worker's clock: its last reported time plus the time since that
 * message arrived. Ignores network latency, so it is never later than the actual time.
 */
function timeAt({ clock }: WorkerLink, now: number): number {
  return clock.at + (now - clock.lastContactAt);
}

function isUnchanged(instance: Instance, body: HeartbeatBody): boolean {
  return (
    instance.endpoint === (body.endpoint ?? null) &&
    instance.version === body.version &&
    instance.health === body.health &&
    instance.pid === body.pid &&
    instance.pidStart === (body.pid_start ?? null) &&
    instance.slots === body.slots
  );
}
