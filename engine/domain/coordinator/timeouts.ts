import type { Deferrals } from './deferrals.ts';
import { nothingRan, refOf } from './assignment-record.ts';
import type { Assignments } from './assignments.ts';
import { isAwaited, lookMs, startedAtOf, type WorkerLink } from './worker-state.ts';
import type { Membership } from './membership.ts';
import { recallStalled } from './recalls.ts';
import type { Completion } from './completion.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { DecisionBuffer } from './decision-buffer.ts';

/** The rooms whose time is kept. */
export interface Rooms {
  readonly step: DecisionBuffer;
  readonly presence: Membership;
  readonly settling: Completion;
  readonly handover: Assignments;
  readonly deferrals: Deferrals;
}

/** Handles the passing of time: silences, time-outs, stalls and back-offs; and tells when to look next. */
export class Timeouts {
  readonly #rooms: Rooms;
  readonly #heartbeatMs: number;
  /** The time at which `tick` was last expected, in ms; a tick much later than that means that this process did not run. */
  #expectedTick = Number.POSITIVE_INFINITY;

  constructor(rooms: Rooms, heartbeatMs: number) {
    this.#rooms = rooms;
    this.#heartbeatMs = heartbeatMs;
  }

  nextDeadline(now: number): number | undefined {
    const { presence, settling, handover, deferrals } = this.#rooms;
    this.#noticeAbsence(now);
    let next = Math.min(handover.nextBackoff, deferrals.next, settling.nextDue);
    for (const link of presence.links.values()) next = Math.min(next, this.#linkDeadline(link));
    next = Math.max(next, now);
    this.#expectedTick = next;
    return Number.isFinite(next) ? next : undefined;
  }

  tick(now: number): void {
    const { step, presence, settling, handover, deferrals } = this.#rooms;
    this.#noticeAbsence(now);
    this.#judgeInstances(now);
    this.#endOverdue(now);
    recallStalled(step, presence, now);
    for (const link of presence.links.values())
      if (link.lookAt <= now) link.lookAt = now + lookMs(link, presence.slotsOf(link));
    handover.endBackoffs(now);
    deferrals.tick(now);
    settling.tick(now);
  }

  #linkDeadline(link: WorkerLink): number {
    const instance = this.#rooms.step.state.instances.get(link.did);
    let next = Number.POSITIVE_INFINITY;
    if (instance?.status === 'live') next = link.heardAt + 2 * this.#heartbeatMs + 1;
    if (instance?.status === 'stale' || isAwaited(link)) next = link.heardAt + this.#silenceMs(link) + 1;
    return link.assigned.size === 0 ? next : Math.min(next, link.lookAt);
  }

  /**
   * Returns the time for which a worker may be silent before it is ended, in ms: at least `fleet start`'s patience for
   * one on its way.
   */
  #silenceMs(link: WorkerLink): number {
    return Math.max(3 * this.#heartbeatMs, isAwaited(link) ? START_PATIENCE_MS : 0);
  }

  /**
   * A tick that comes late, or a message before it, means that this process did not run for a while (a laptop that
   * slept): nobody is judged by a silence that it may not have heard through.
   */
  #noticeAbsence(now: number): void {
    const isLate = now - this.#expectedTick >= this.#heartbeatMs;
    this.#expectedTick = Number.POSITIVE_INFINITY;
    if (!isLate) return;
    for (const link of this.#rooms.presence.links.values()) {
      link.heardAt = now;
      link.lastReportAt = now;
      link.forgivenAt = now;
    }
  }

  #judgeInstances(now: number): void {
    const { step, presence } = this.#rooms;
    for (const link of presence.links.values()) {
      const instance = step.state.instances.get(link.did);
      if (instance === undefined || instance.role !== 'worker') continue;
      const silence = now - link.heardAt;
      const words = `silent for ${Math.round(silence / 100) / 10}s`;
      if (instance.status === 'live' && silence > 2 * this.#heartbeatMs) {
        // The next step is for the next tick: what came in while this process did not run is heard before it.
        presence.happens(link, 'silent', now, words);
      } else if (silence > this.#silenceMs(link) && (instance.status === 'stale' || isAwaited(link))) {
        presence.happens(link, 'lost', now, words);
        step.endProcess(link.did, words);
        link.heardAt = now;
      }
    }
  }

  /** The worker keeps the time-out; the coordinator does where the worker is silent. */
  #endOverdue(now: number): void {
    const { step, presence, settling } = this.#rooms;
    for (const link of presence.links.values()) {
      // Any of them may be running: after a restart of either side the worker's order is another one than this.
      for (const [child, assignment] of link.assigned) {
        const { fanOut } = assignment;
        const startedAt = startedAtOf(assignment);
        if (startedAt === null || now < this.#overdueAt(link, fanOut, child, startedAt)) continue;
        const ref = refOf(fanOut, child);
        const reason = `no report within ${fanOut.subtasks[child.index]!.timeout_secs!}s`;
        const wall_time_secs = (now - startedAt) / 1000;
        const result = { ...nothingRan, verdict: 'timeout', reason, wall_time_secs } as const;
        settling.endDelivery(fanOut, child, result, false, now);
        step.send(link.did, { type: 'fence', deliveries: [ref] });
      }
    }
  }

  /** Infinite for a child without a time-out. */
  #overdueAt(link: WorkerLink, fanOut: FanOut, child: Child, startedAt: number): number {
    const endsAt = startedAt + (fanOut.subtasks[child.index]!.timeout_secs ?? Infinity) * 1000;
    return Math.max(endsAt, link.forgivenAt) + Math.max(10_000, 3 * this.#heartbeatMs);
  }
}

/** The time that a launched process may take until it is heard of, in ms. */
const START_PATIENCE_MS = 30_000;
