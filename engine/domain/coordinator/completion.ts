import type { Did } from '../../record/ids.ts';
import { TOPIC, type ChildDoneBody } from '../model/record-bodies.ts';
import { isTight, whyNeverAffordable } from '../model/budgets.ts';
import { cancelled, endReason, nothingRan, refOf } from './assignment-record.ts';
import { isNotNeeded, isWanted } from '../fold/apply-record.ts';
import { expansionOf, hasResults } from './expansion.ts';
import { decideJoin, decideJoinAhead, joinBody, type Decision } from '../join/decide.ts';
import { pushTo } from '../model/push-to.ts';
import type { DeliveryRef } from '../model/messages.ts';
import type { Membership } from './membership.ts';
import { recallUnstarted } from './recalls.ts';
import { completedOf, labelOf, type Child, type FanOut } from '../model/state.ts';
import type { DecisionBuffer } from './decision-buffer.ts';
import { isFollowUp } from '../model/subtask.ts';

/**
 * Handles the end of children and requests to end them: ends their dependants, decides the join, and handles the
 * losers.
 */
export class Completion {
  readonly #step: DecisionBuffer;
  readonly #membership: Membership;
  /** Children that ended in this step. Their dependants may have to end too. */
  #ended: [FanOut, Child][] = [];
  /** Fan-outs with children that may have to end. Each is checked once. */
  readonly #toEnd = new Set<FanOut>();
  /** The fan-outs whose join must be checked again, with the time in ms. */
  readonly #dueAt = new Map<FanOut, number>();
  /**
   * The number of ended children at the last abstract evaluation of a join, and the earliest time in ms of the next
   * one.
   */
  readonly #foretold = new WeakMap<FanOut, { readonly ended: string; readonly nextAt: number }>();

  constructor(step: DecisionBuffer, membership: Membership) {
    this.#step = step;
    this.#membership = membership;
  }

  /** Resumes a fan-out from the log, and makes the decisions that its last coordinator did not make durable. */
  resume(fanOut: FanOut): void {
    this.endAsAsked(fanOut);
    for (const child of fanOut.children) this.#noteEnd(fanOut, child);
  }

  /** Marks a fan-out whose children a person or the join may have asked to end. */
  endAsAsked(fanOut: FanOut): void {
    this.#toEnd.add(fanOut);
    this.#step.look(fanOut);
  }

  /** The time in ms of the next join check; infinity for none. */
  get nextDue(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.#dueAt.values()) next = Math.min(next, at);
    return next;
  }

  tick(now: number): void {
    for (const [fanOut, at] of this.#dueAt) if (at <= now) this.#step.look(fanOut);
  }

  /** Records that a delivery's end was applied, so that `settle` decides the consequences. */
  ended(fanOut: FanOut, child: Child): void {
    this.#step.note(fanOut.task.thread, child.index);
    this.#step.look(fanOut);
    this.#noteEnd(fanOut, child);
  }

  /** Ends a delivery, or a child that was never delivered, in the coordinator's own name. */
  endDelivery(
    fanOut: FanOut,
    child: Child,
    result: Omit<ChildDoneBody, 'topic' | 'index' | 'attempt' | 'delivery' | 'lost'>,
    lost: boolean,
    now: number,
  ): void {
    const delivery = child.state === 'assigned' ? child.deliveries - 1 : -1;
    if (child.worker !== null) this.#membership.links.get(child.worker)?.assigned.delete(child);
    const body: ChildDoneBody = {
      topic: TOPIC.childDone,
      index: child.index,
      attempt: child.attempt,
      delivery,
      ...(lost ? { lost } : {}),
      ...result,
    };
    this.#step.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
    this.ended(fanOut, child);
  }

  /** Runs to a fixpoint: decides everything that follows from earlier decisions. */
  settle(now: number): void {
    for (;;) {
      this.#cascade(now);
      const dirty = this.#step.takeDirty();
      if (dirty.length === 0) return;
      for (const fanOut of dirty) this.#review(fanOut, now);
    }
  }

  #noteEnd(fanOut: FanOut, child: Child): void {
    if (child.state === 'done' && fanOut.dependants !== null) this.#ended.push([fanOut, child]);
  }

  /**
   * Ends the direct and indirect dependants of children that did not accept, and skips follow-ups that are not needed.
   */
  #cascade(now: number): void {
    for (let next = this.#ended.pop(); next !== undefined; next = this.#ended.pop()) {
      const [fanOut, child] = next;
      for (const index of fanOut.dependants?.[child.index] ?? []) {
        const dependant = fanOut.children[index]!;
        if (dependant.state !== 'pending' || child.state !== 'done') continue;
        if (isFollowUp(fanOut.subtasks[index]!)) {
          if (isNotNeeded(fanOut, dependant)) this.endDelivery(fanOut, dependant, SKIPPED, false, now);
        } else if (child.verdict !== 'accept') {
          const reason = `${labelOf(fanOut, child.index)} ended as ${child.verdict}`;
          this.endDelivery(fanOut, dependant, { ...cancelled(reason), cause: child.index }, false, now);
        }
      }
    }
  }

  /** Ends children that were asked to end, decides joins, and handles the losers. */
  #review(fanOut: FanOut, now: number): void {
    this.#dueAt.delete(fanOut);
    this.#expand(fanOut, now);
    if (fanOut.joined === null) {
      const { instances } = this.#step.state;
      const aliasOf = (did: Did): string => instances.get(did)?.alias ?? did;
      const decision = decideJoin(fanOut, aliasOf, now) ?? this.#decideAhead(fanOut, aliasOf, now);
      if (decision !== undefined) this.#join(fanOut, decision, now);
      else if (fanOut.timeoutMs !== null) this.#lookAgain(fanOut, fanOut.roundStartedAt + fanOut.timeoutMs);
    }
    this.#endAsAsked(fanOut, now);
    this.#endUnaffordable(fanOut, now);
  }

  /** Replaces subtasks whose matrix has its results, and ends those whose results are no values of a matrix. */
  #expand(fanOut: FanOut, now: number): void {
    for (const index of [...fanOut.matrices]) {
      const child = fanOut.children[index]!;
      if (!isWanted(fanOut, child) || !hasResults(fanOut, child)) continue;
      const expansion = expansionOf(this.#step.state, fanOut, index);
      if ('fault' in expansion) {
        const failed = { ...nothingRan, verdict: 'failed', reason: expansion.fault } as const;
        this.endDelivery(fanOut, child, failed, false, now);
        continue;
      }
      const from = fanOut.children.length;
      const body = { topic: TOPIC.expanded, index, values: expansion.values } as const;
      this.#step.write({ act: 'DO', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
      const changed = [index, ...fanOut.dependants![index]!].map(each => fanOut.children[each]!);
      this.#step.touch(fanOut.task, [...changed, ...fanOut.children.slice(from)]);
      this.#foretold.delete(fanOut);
    }
  }

  /**
   * Decides a CEL join whose outcome is certain although children are open. Evaluates it again when another child has
   * ended or when the time matters, using at most a twentieth of the processor's time.
   */
  #decideAhead(fanOut: FanOut, aliasOf: (did: Did) => string, now: number): Decision | undefined {
    const { predicate, round } = fanOut;
    if (predicate.kind !== 'cel') return undefined;
    const last = this.#foretold.get(fanOut);
    const many = completedOf(fanOut);
    const ended = `${round}/${many}`;
    const { dependsOnTime } = predicate.program;
    // A predicate that is certain before anything ran is probably a mistake. The fan-out runs nevertheless.
    if (!dependsOnTime && (many === 0 || ended === last?.ended)) return undefined;
    if (last !== undefined && now < last.nextAt) {
      this.#lookAgain(fanOut, last.nextAt);
      return undefined;
    }
    const { decision, steps } = decideJoinAhead(fanOut, aliasOf, now);
    const nextAt = now + Math.max(steps * PAUSE_MS_PER_STEP, dependsOnTime ? CLOCK_MS : 0);
    this.#foretold.set(fanOut, { ended, nextAt });
    if (dependsOnTime && decision === undefined) this.#lookAgain(fanOut, nextAt);
    return decision;
  }

  #lookAgain(fanOut: FanOut, at: number): void {
    this.#dueAt.set(fanOut, Math.min(at, this.#dueAt.get(fanOut) ?? Infinity));
  }

  /** Ends children that can never start for lack of budget, so that the join does not wait for them. */
  #endUnaffordable(fanOut: FanOut, now: number): void {
    const { budget, children, subtasks } = fanOut;
    if (budget === null || !isTight(budget)) return;
    for (const child of children) {
      if (child.state !== 'pending') continue;
      const why = whyNeverAffordable(budget, subtasks[child.index]!);
      if (why !== null) this.endDelivery(fanOut, child, cancelled(why), false, now);
    }
  }

  #join(fanOut: FanOut, decision: Decision, now: number): void {
    const body = joinBody(fanOut, decision);
    this.#step.write({ act: 'KNOW', thread: fanOut.task.thread, body, parents: [fanOut.id] }, now);
    this.#step.note(fanOut.task.thread);
    if (fanOut.losers === 'keep') return;
    this.#toEnd.add(fanOut);
    if (fanOut.losers === 'drain') recallUnstarted(this.#step, this.#membership, fanOut);
  }

  #endAsAsked(fanOut: FanOut, now: number): void {
    if (!this.#toEnd.delete(fanOut)) return;
    const toCancel = new Map<string, Map<Did, DeliveryRef[]>>();
    for (const child of fanOut.children) {
      if (child.state === 'done' || !isToEnd(fanOut, child)) continue;
      const reason = endReason(fanOut, child);
      if (child.state === 'pending') {
        this.endDelivery(fanOut, child, cancelled(reason), false, now);
      } else if (this.#markEndSent(child)) {
        const alike = toCancel.get(reason) ?? new Map<Did, DeliveryRef[]>();
        pushTo(alike, child.worker!, refOf(fanOut, child));
        toCancel.set(reason, alike);
      }
    }
    for (const [reason, alike] of toCancel)
      for (const [did, deliveries] of alike) this.#step.send(did, { type: 'cancel', deliveries, reason });
  }

  /** Returns true for the first request to end a delivery on a connection. `hello` allows another one. */
  #markEndSent(child: Child): boolean {
    const assignment = this.#membership.links.get(child.worker!)?.assigned.get(child);
    if (assignment === undefined || assignment.endSent) return false;
    assignment.endSent = true;
    return true;
  }
}

/** Returns true when a person asked this child to end, or its join ends it. */
function isToEnd(fanOut: FanOut, child: Child): boolean {
  if (child.cancelRequested !== null) return true;
  if (fanOut.joined === null || fanOut.losers === 'keep') return false;
  if (isFollowUp(fanOut.subtasks[child.index]!)) return false;
  return child.state === 'pending' || fanOut.losers === 'cancel';
}

/**
 * The pause per step of an abstract evaluation, in ms. A step takes up to a microsecond; the pause is twenty times
 * that.
 */
const PAUSE_MS_PER_STEP = 0.02;
/** The interval between evaluations of a predicate that uses the time, in ms. */
const CLOCK_MS = 500;

/** The result of a follow-up that was not needed. */
const SKIPPED = { ...nothingRan, verdict: 'skipped', reason: 'nothing failed of what it follows' } as const;
