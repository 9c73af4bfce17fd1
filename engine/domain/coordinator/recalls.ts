import type { Did } from '../../record/ids.ts';
import { refOf } from './assignment-record.ts';
import { pushTo } from '../model/push-to.ts';
import { stalledBehind, type WorkerLink } from './worker-state.ts';
import type { DeliveryRef } from '../model/messages.ts';
import type { Membership } from './membership.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { DecisionBuffer } from './decision-buffer.ts';
import { isFollowUp } from '../model/subtask.ts';

/** Draining starts nothing more, also not what waits at a worker. */
export function recallUnstarted(step: DecisionBuffer, presence: Membership, fanOut: FanOut): void {
  const toRecall = new Map<Did, DeliveryRef[]>();
  for (const child of fanOut.children) {
    if (child.state !== 'assigned' || isFollowUp(fanOut.subtasks[child.index]!)) continue;
    const assignment = presence.links.get(child.worker!)?.assigned.get(child);
    if (assignment === undefined || assignment.startedAt !== null || assignment.recalled) continue;
    assignment.recalled = true;
    pushTo(toRecall, child.worker!, refOf(fanOut, child));
  }
  for (const [did, deliveries] of toRecall) step.send(did, { type: 'recall', deliveries });
}

/** Takes back what waits at a busy worker while another one is free. */
export function recallStalled(step: DecisionBuffer, presence: Membership, now: number): void {
  const links = [...presence.links.values()].filter(({ connected }) => connected);
  if (!links.some(link => !link.stopping && link.assigned.size < presence.slotsOf(link))) return;
  for (const link of links) {
    const waiting = stalledBehind(link, presence.slotsOf(link), now).filter(child => isFree(link, child));
    const deliveries = waiting.slice(0, Math.ceil(waiting.length / 2)).map(child => {
      const assignment = link.assigned.get(child)!;
      assignment.recalled = true;
      return refOf(assignment.fanOut, child);
    });
    if (deliveries.length > 0) step.send(link.did, { type: 'recall', deliveries });
  }
}

/** Takes back what waits at workers for this executor. */
export function recallWaiting(step: DecisionBuffer, presence: Membership, executor: string): void {
  for (const link of presence.links.values()) {
    const deliveries: DeliveryRef[] = [];
    for (const [{ index, deliveries: many }, assignment] of link.assigned) {
      const { fanOut, startedAt, recalled } = assignment;
      if (startedAt !== null || recalled || fanOut.subtasks[index]!.executor !== executor) continue;
      assignment.recalled = true;
      deliveries.push({ thread: fanOut.task.thread, index, delivery: many - 1 });
    }
    if (deliveries.length > 0) step.send(link.did, { type: 'recall', deliveries });
  }
}

/** A child that may go to another worker. */
function isFree(link: WorkerLink, child: Child): boolean {
  const kind = link.assigned.get(child)!.fanOut.subtasks[child.index]!.target.kind;
  return kind === 'least-loaded' || kind === 'round-robin';
}
