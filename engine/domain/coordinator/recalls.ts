import type { Did } from '../../record/ids.ts';
import { refOf } from './assignment-record.ts';
import { pushTo } from '../model/push-to.ts';
import { isLinked, moveAssignment, waitingBehind, type WorkerLink } from './worker-state.ts';
import { takesWork } from './scheduler.ts';
import type { DeliveryRef } from '../model/messages.ts';
import type { Membership } from './membership.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { DecisionBuffer } from './decision-buffer.ts';
import { isFollowUp } from '../model/subtask.ts';

/** Recalls deliveries that wait at workers: a draining fan-out starts nothing more. */
export function recallUnstarted(step: DecisionBuffer, membership: Membership, fanOut: FanOut): void {
  const toRecall = new Map<Did, DeliveryRef[]>();
  for (const child of fanOut.children) {
    if (child.state !== 'assigned' || isFollowUp(fanOut.subtasks[child.index]!)) continue;
    const assignment = membership.links.get(child.worker!)?.assigned.get(child);
    if (assignment !== undefined && moveAssignment(assignment, 'recall'))
      pushTo(toRecall, child.worker!, refOf(fanOut, child));
  }
  for (const [did, deliveries] of toRecall) step.send(did, { type: 'recall', deliveries });
}

/** Recalls deliveries that wait at a busy worker while another worker is free. Call it when nothing else can start there. */
export function recallForFree(step: DecisionBuffer, membership: Membership, now: number): void {
  const links = [...membership.links.values()].filter(isLinked);
  const isFree = (link: WorkerLink): boolean =>
    link.assigned.size < membership.slotsOf(link) && takesWork(step.state.instances.get(link.did), link);
  if (!links.some(link => link.assigned.size > membership.slotsOf(link)) || !links.some(isFree)) return;
  for (const link of links) {
    const waiting = waitingBehind(link, membership.slotsOf(link), now).filter(child =>
      isMovable(link, child),
    );
    const deliveries = waiting.slice(0, Math.ceil(waiting.length / 2)).map(child => {
      const assignment = link.assigned.get(child)!;
      moveAssignment(assignment, 'recall');
      return refOf(assignment.fanOut, child);
    });
    if (deliveries.length > 0) step.send(link.did, { type: 'recall', deliveries });
  }
}

/** Recalls deliveries that wait at workers for this executor. */
export function recallWaiting(step: DecisionBuffer, membership: Membership, executor: string): void {
  for (const link of membership.links.values()) {
    const deliveries: DeliveryRef[] = [];
    for (const [{ index, deliveries: many }, assignment] of link.assigned) {
      const { fanOut } = assignment;
      if (fanOut.subtasks[index]!.executor !== executor || !moveAssignment(assignment, 'recall')) continue;
      deliveries.push({ thread: fanOut.task.thread, index, delivery: many - 1 });
    }
    if (deliveries.length > 0) step.send(link.did, { type: 'recall', deliveries });
  }
}

/** Returns true for a child that may go to another worker: round robin would choose the same one. */
const isMovable = (link: WorkerLink, child: Child): boolean =>
  link.assigned.get(child)!.fanOut.subtasks[child.index]!.target.kind === 'least-loaded';
