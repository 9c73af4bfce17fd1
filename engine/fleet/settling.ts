import type { Did } from '../record/ids.ts';
import { TOPIC, type ChildDoneBody, type ResultFields } from './bodies.ts';
import { isTight, whyNeverAffordable } from './budgets.ts';
import { cancelled, endReason, refOf } from './deliveries.ts';
import { decideJoin, joinBody, type Decision } from './join.ts';
import { pushTo } from './grouping.ts';
import type { DeliveryRef } from './messages.ts';
import type { Presence } from './presence.ts';
import { recallUnstarted } from './recalls.ts';
import type { Child, FanOut } from './state.ts';
import type { Step } from './step.ts';

/** What follows when a child ends or is asked to: its dependants' end, the join, and what becomes of the losers. */
export class Settling {
  readonly #step: Step;
  readonly #presence: Presence;
  /** Children that ended in this step without accepting, whose dependants end too. */
  #fallen: [FanOut, Child][] = [];

  constructor(step: Step, presence: Presence) {
    this.#step = step;
    this.#presence = presence;
  }

  /** Takes up what the log left open: a decision that its last writer did not get to make durable is made now. */
  resume(fanOut: FanOut): void {
    this.#step.look(fanOut);
    for (const child of fanOut.children) {
      if (child.cancelRequested !== null) this.#step.cancelling.add(fanOut);
      this.#noteFall(fanOut, child);
    }
  }

  /** After a delivery's end was applied: what follows from it. */
  ended(fanOut: FanOut, child: Child): void {
    this.#step.note(fanOut.task.thread, child.index);
    this.#step.look(fanOut);
    this.#noteFall(fanOut, child);
  }

  /** The coordinator itself says how a delivery, or a child that was never delivered, ended. */
  endDelivery(
    fanOut: FanOut,
    child: Child,
    result: ResultFields & { cause?: number },
    lost: boolean,
    now: number,
  ): void {
    const delivery = child.state === 'assigned' ? child.deliveries - 1 : -1;
    if (child.worker !== null) this.#presence.links.get(child.worker)?.assigned.delete(child);
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

  /** Looks at fan-outs until none has anything left that follows from what was decided. */
  settle(now: number): void {
    for (;;) {
      this.#cascade(now);
      const dirty = this.#step.takeDirty();
      if (dirty.length === 0) return;
      for (const fanOut of dirty) this.#review(fanOut, now);
    }
  }

  #noteFall(fanOut: FanOut, child: Child): void {
    if (child.state === 'done' && child.verdict !== 'accept') this.#fallen.push([fanOut, child]);
  }

  /** A child that did not accept takes its dependants along, near and far. */
  #cascade(now: number): void {
    for (let next = this.#fallen.pop(); next !== undefined; next = this.#fallen.pop()) {
      const [fanOut, child] = next;
      for (const index of fanOut.dependants?.[child.index] ?? []) {
        const dependant = fanOut.children[index]!;
        if (dependant.state !== 'pending' || child.state !== 'done') continue;
        const reason = `subtask ${child.index} ended as ${child.verdict}`;
        this.endDelivery(fanOut, dependant, { ...cancelled(reason), cause: child.index }, false, now);
      }
    }
  }

  /** Ends what was asked to end, joins what can be joined, and deals with the losers. */
  #review(fanOut: FanOut, now: number): void {
    if (fanOut.joined === null) {
      const { instances } = this.#step.state;
      const decision = decideJoin(fanOut, did => instances.get(did)?.alias ?? did, now);
      if (decision !== undefined) this.#join(fanOut, decision, now);
    }
    this.#endAsAsked(fanOut, now);
    this.#endUnaffordable(fanOut, now);
    if (fanOut.joined !== null && fanOut.losers === 'drain')
      recallUnstarted(this.#step, this.#presence, fanOut);
  }

  /** Ends what can't start any more for want of budget: a join must not wait for it. */
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
  }

  #endAsAsked(fanOut: FanOut, now: number): void {
    const toCancel = new Map<string, Map<Did, DeliveryRef[]>>();
    for (const child of this.#toEnd(fanOut)) {
      const reason = endReason(fanOut, child);
      if (child.state === 'pending') {
        this.endDelivery(fanOut, child, cancelled(reason), false, now);
      } else if (this.#firstTimeTold(child)) {
        const alike = toCancel.get(reason) ?? new Map<Did, DeliveryRef[]>();
        pushTo(alike, child.worker!, refOf(fanOut, child));
        toCancel.set(reason, alike);
      }
    }
    for (const [reason, alike] of toCancel)
      for (const [did, deliveries] of alike) this.#step.send(did, { type: 'cancel', deliveries, reason });
  }

  /** Children that are to end now. Costs nothing while nobody asked for it. */
  #toEnd(fanOut: FanOut): Child[] {
    const losersEnd = fanOut.joined !== null && fanOut.losers !== 'keep';
    if (!losersEnd && !this.#step.cancelling.has(fanOut)) return [];
    return fanOut.children.filter(child => child.state !== 'done' && isToEnd(fanOut, child));
  }

  /** A worker is told once on a connection to end a delivery; `hello` makes it due again. */
  #firstTimeTold(child: Child): boolean {
    const assignment = this.#presence.links.get(child.worker!)?.assigned.get(child);
    if (assignment === undefined || assignment.told) return false;
    assignment.told = true;
    return true;
  }
}

/** Whether somebody asked this child to end, or its join does. */
function isToEnd(fanOut: FanOut, child: Child): boolean {
  if (child.cancelRequested !== null) return true;
  if (fanOut.joined === null || fanOut.losers === 'keep') return false;
  return child.state === 'pending' || fanOut.losers === 'cancel';
}
