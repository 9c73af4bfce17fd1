import type { Did } from '../record/ids.ts';
import { refOf } from './deliveries.ts';
import { pushTo } from './grouping.ts';
import { stalledBehind, type WorkerLink } from './links.ts';
import type { DeliveryRef } from './messages.ts';
import type { Presence } from './presence.ts';
import type { Child, FanOut } from './state.ts';
import type { Step } from './step.ts';
import { isFollowUp } from './subtasks.ts';

/** Draining starts nothing more, also not what waits at a worker. */
export function recallUnstarted(step: Step, presence: Presence, fanOut: FanOut): void {
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
export function recallStalled(step: Step, presence: Presence, now: number): void {
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
export function recallWaiting(step: Step, presence: Presence, executor: string): void {
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
