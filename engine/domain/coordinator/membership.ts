import { RESERVED, type Did } from '../../record/ids.ts';
import type { SealedRecord } from '../../record/record.ts';
import { TOPIC, type AdmittedBody, type HeartbeatBody, type StatusBody } from '../model/record-bodies.ts';
import { releaseQueueOf } from './scheduler.ts';
import { takeHeartbeat } from '../fold/apply-record.ts';
import { blockedFor } from '../policy/blocked-namespaces.ts';
import { PERMIT_MS } from '../model/messages.ts';
import { isLinked, newLink, STALL_LOOK_MS, type WorkerLink } from './worker-state.ts';
import { after, next } from '../model/machine.ts';
import { COMES_UP, CONNECTION, ORDER, STATUS, type WorkerEvent } from '../model/worker-machines.ts';
import type { Instance } from '../model/state.ts';
import type { OutBatch, DecisionBuffer } from './decision-buffer.ts';

/** The members of the fleet, their connections, and what the log says of each. */
export class Membership {
  readonly links = new Map<Did, WorkerLink>();
  readonly #step: DecisionBuffer;

  constructor(step: DecisionBuffer) {
    this.#step = step;
  }

  /** Returns what is known of this worker beside the log, creating it if necessary. */
  link(did: Did, now: number): WorkerLink {
    let link = this.links.get(did);
    if (link === undefined) this.links.set(did, (link = newLink(did, now)));
    return link;
  }

  /** The same, of a worker that has just been heard of. */
  heard(did: Did, now: number): WorkerLink {
    const link = this.link(did, now);
    link.heardAt = now;
    return link;
  }

  slotsOf(link: WorkerLink): number {
    return this.#step.state.instances.get(link.did)?.slots ?? 1;
  }

  /** Moves a worker on: its connection, its order and, where the event names one, its status, for this reason. */
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

  /** Workers that the log holds for alive have two heartbeat intervals to come back. */
  resume(now: number): void {
    for (const { role, did, status } of this.#step.state.instances.values())
      if (role === 'worker') this.link(did, now).connection = COMES_UP[status];
  }

  /** A worker is connected, anew or again, at this time by its own clock. */
  connected(did: Did, at: number, now: number): WorkerLink {
    const link = this.heard(did, now);
    Object.assign(link, { clock: { at, heardAt: now }, permittedAt: Number.NEGATIVE_INFINITY });
    if (!isLinked(link)) link.upSince = now;
    link.lastReportAt = now;
    link.lookAt = now + STALL_LOOK_MS;
    this.happens(link, 'connected', now);
    // Whoever waits for it hears of its return, also where the log held it for live all the time.
    this.#step.noteInstance(did);
    this.permit(link, now);
    // It may not have heard of it on an earlier connection; what is handed over again comes back then.
    if (link.order === 'stop') this.#step.send(did, { type: 'stop', graceMs: link.graceMs });
    return link;
  }

  /** A worker asks whether it may go on starting what it holds. */
  asked(did: Did, at: number, now: number): void {
    const link = this.heard(did, now);
    link.clock = { at, heardAt: now };
    this.permit(link, now);
  }

  /** Tells a worker what is frozen, and lets it start the rest for a while. */
  permit(link: WorkerLink, now: number): void {
    const asOf = timeAt(link, now);
    link.permittedAt = Math.max(link.permittedAt, asOf);
    this.#step.send(link.did, { type: 'permit', asOf, frozen: blockedFor(this.#step.state, now) });
  }

  /** Sees to it that what a worker is about to be given finds a permit there, and need not wait for one. */
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
    this.#leaves(did, 'gone', now, reason).heardAt = now;
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

  /** A worker takes no more work: what was lined up for it may go to others. */
  #leaves(did: Did, event: WorkerEvent, now: number, reason: string | null = null): WorkerLink {
    const link = this.link(did, now);
    releaseQueueOf(this.#step.state, did);
    this.happens(link, event, now, reason);
    return link;
  }

  admit(body: Omit<AdmittedBody, 'topic'>, now: number): void {
    if (body.role === 'worker') this.happens(this.heard(body.did, now), 'admitted', now);
    const admitted = { topic: TOPIC.admitted, ...body };
    this.#step.write({ act: 'LEARN', thread: RESERVED.instanceRegistry, body: admitted }, now);
    this.#step.noteInstance(body.did);
  }

  registerSelf(sealed: SealedRecord, now: number): void {
    const { self, state } = this.#step;
    const instance = state.instances.get(self);
    if (instance !== undefined && !saysNothingNew(instance, sealed.record.body as unknown as HeartbeatBody))
      this.#step.writeSealed(sealed, now);
    this.#setStatus(self, 'live', null, now);
    this.#step.noteInstance(self);
  }

  /** A heartbeat of an instance that belongs to the fleet. */
  heartbeat(
    instance: Instance,
    sealed: SealedRecord,
    signature: OutBatch['signature'],
    at: number,
    now: number,
  ): void {
    const { did } = instance;
    const body = sealed.record.body as unknown as HeartbeatBody;
    const link = this.heard(did, now);
    link.clock = { at, heardAt: now };
    link.activeDispatches = body.active_dispatches;
    link.storeRecords = body.store_records;
    link.upSince = Math.min(link.upSince, now - body.uptime_secs * 1000);
    if (saysNothingNew(instance, body)) {
      takeHeartbeat(instance, body, now);
    } else {
      this.#step.append(signature === undefined ? { records: [sealed] } : { records: [sealed], signature });
      this.#step.apply(sealed.record, now);
      this.#step.noteInstance(did);
    }
    if (isLinked(link)) this.happens(link, 'heard', now);
  }
}

/**
 * The time at a worker, by its own clock, or an earlier one: what it said last, and what has passed since that was
 * heard. The way of the words is missing, so that it is never later than it seems.
 */
function timeAt({ clock }: WorkerLink, now: number): number {
  return clock.at + (now - clock.heardAt);
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
