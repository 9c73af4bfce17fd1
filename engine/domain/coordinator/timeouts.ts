import type { Deferrals } from './deferrals.ts';
import { nothingRan, refOf } from './assignment-record.ts';
import type { Assignments } from './assignments.ts';
import { isAwaited, lookMs, startedAtOf, type WorkerLink } from './worker-state.ts';
import type { Membership } from './membership.ts';
import { recallForFree } from './recalls.ts';
import type { Completion } from './completion.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { DecisionBuffer } from './decision-buffer.ts';

/** The parts of the coordinator that have timeouts. */
export interface TimedParts {
  readonly step: DecisionBuffer;
  readonly membership: Membership;
  readonly completion: Completion;
  readonly assignments: Assignments;
  readonly deferrals: Deferrals;
}

/** Handles the passing of time: silence, time-outs, stalls and back-offs. Returns the next deadline. */
export class Timeouts {
  readonly #parts: TimedParts;
  readonly #heartbeatMs: number;
  /** The expected time of the next `tick`, in ms. A much later tick means that this process was suspended. */
  #expectedTick = Number.POSITIVE_INFINITY;

  constructor(parts: TimedParts, heartbeatMs: number) {
    this.#parts = parts;
    this.#heartbeatMs = heartbeatMs;
  }

  nextDeadline(now: number): number | undefined {
    const { membership, completion, assignments, deferrals } = this.#parts;
    this.#noticeAbsence(now);
    let next = Math.min(assignments.nextBackoff, deferrals.next, completion.nextDue);
    for (const link of membership.links.values()) next = Math.min(next, this.#linkDeadline(link));
    next = Math.max(next, now);
    this.#expectedTick = next;
    return Number.isFinite(next) ? next : undefined;
  }

  tick(now: number): void {
    const { step, membership, completion, assignments, deferrals } = this.#parts;
    this.#noticeAbsence(now);
    this.#judgeInstances(now);
    this.#endOverdue(now);
    recallForFree(step, membership, now);
    for (const link of membership.links.values())
      if (link.lookAt <= now) link.lookAt = now + lookMs(link, membership.slotsOf(link));
    assignments.endBackoffs(now);
    deferrals.tick(now);
    completion.tick(now);
  }

  #linkDeadline(link: WorkerLink): number {
    const instance = this.#parts.step.state.instances.get(link.did);
    let next = Number.POSITIVE_INFINITY;
    if (instance?.status === 'live') next = link.lastContactAt + 2 * this.#heartbeatMs + 1;
    if (instance?.status === 'stale' || isAwaited(link))
      next = link.lastContactAt + this.#silenceMs(link) + 1;
    return link.assigned.size === 0 ? next : Math.min(next, link.lookAt);
  }

  /**
   * Returns how long a worker may be silent before it is ended, in ms. A starting worker gets at least the time that
   * `fleet start` waits.
   */
  #silenceMs(link: WorkerLink): number {
    return Math.max(3 * this.#heartbeatMs, isAwaited(link) ? START_PATIENCE_MS : 0);
  }

  /**
   * Detects from a late tick, or a message before it, that this process was suspended, such as on a sleeping laptop.
   * Silence is then counted anew, because messages may have been missed.
   */
  #noticeAbsence(now: number): void {
    const isLate = now - this.#expectedTick >= this.#heartbeatMs;
    this.#expectedTick = Number.POSITIVE_INFINITY;
    if (!isLate) return;
    for (const link of this.#parts.membership.links.values()) {
      link.lastContactAt = now;
      link.lastReportAt = now;
      link.forgivenAt = now;
    }
  }

  #judgeInstances(now: number): void {
    const { step, membership } = this.#parts;
    for (const link of membership.links.values()) {
      const instance = step.state.instances.get(link.did);
      if (instance === undefined || instance.role !== 'worker') continue;
      const silence = now - link.lastContactAt;
      const reason = `silent for ${Math.round(silence / 100) / 10}s`;
      if (instance.status === 'live' && silence > 2 * this.#heartbeatMs) {
        // Only the next tick goes further: messages that arrived while this process was suspended are handled first.
        membership.happens(link, 'silent', now, reason);
      } else if (silence > this.#silenceMs(link) && (instance.status === 'stale' || isAwaited(link))) {
        membership.happens(link, 'lost', now, reason);
        step.endProcess(link.did, reason);
        link.lastContactAt = now;
      }
    }
  }

  /** Enforces time-outs that a worker, such as a silent one, has not enforced itself. */
  #endOverdue(now: number): void {
    const { step, membership, completion } = this.#parts;
    for (const link of membership.links.values()) {
      // Any assigned child may be running: after a restart on either side, the worker's order may differ from this one.
      for (const [child, assignment] of link.assigned) {
        const { fanOut } = assignment;
        const startedAt = startedAtOf(assignment);
        if (startedAt === null || now < this.#overdueAt(link, fanOut, child, startedAt)) continue;
        const ref = refOf(fanOut, child);
        const reason = `no report within ${fanOut.subtasks[child.index]!.timeout_secs!}s`;
        const wall_time_secs = (now - startedAt) / 1000;
        const result = { ...nothingRan, verdict: 'timeout', reason, wall_time_secs } as const;
        completion.endDelivery(fanOut, child, result, false, now);
        step.send(link.did, { type: 'fence', deliveries: [ref] });
      }
    }
  }

  /** Returns infinity for a child without a time-out. */
  #overdueAt(link: WorkerLink, fanOut: FanOut, child: Child, startedAt: number): number {
    const endsAt = startedAt + (fanOut.subtasks[child.index]!.timeout_secs ?? Infinity) * 1000;
    return Math.max(endsAt, link.forgivenAt) + Math.max(10_000, 3 * this.#heartbeatMs);
  }
}

/** The maximum time from a process's launch to its first message, in ms. */
const START_PATIENCE_MS = 30_000;
