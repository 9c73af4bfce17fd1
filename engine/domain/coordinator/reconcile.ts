import type { SealedRecord } from '../../record/record.ts';
import { cancelled, childIntent, endReason, refOf } from './assignment-record.ts';
import { isWanted } from '../fold/apply-record.ts';
import { moveAssignment, silentSinceOf, startedAtOf, type WorkerLink } from './worker-state.ts';
import { isBlocked } from '../policy/blocked-namespaces.ts';
import type { Assignments } from './assignments.ts';
import { keyOf, type DeliveryRef } from '../model/messages.ts';
import type { Completion } from './completion.ts';
import type { DecisionBuffer } from './decision-buffer.ts';

/** Reconciles the deliveries that a worker holds with its assignments in the log. */
export function reconcile(
  step: DecisionBuffer,
  completion: Completion,
  assignments: Assignments,
  link: WorkerLink,
  held: readonly DeliveryRef[],
  now: number,
): void {
  const handBack = (deliveries: readonly DeliveryRef[], begun: boolean): void => {
    if (deliveries.length > 0)
      assignments.returned(
        link.did,
        { deliveries, reason: 'nothing may start in its namespace when it was to be given again', begun },
        now,
      );
  };
  const unexpected = new Map(held.map(ref => [keyOf(ref), ref]));
  const again: SealedRecord[] = [];
  const fenced: DeliveryRef[] = [];
  const frozen: DeliveryRef[] = [];
  const frozenBegun: DeliveryRef[] = [];
  for (const [child, assignment] of [...link.assigned]) {
    const { fanOut } = assignment;
    const ref = refOf(fanOut, child);
    const begun = startedAtOf(assignment) !== null;
    const isHeld = unexpected.delete(keyOf(ref));
    if (silentSinceOf(assignment) !== null) step.note(ref.thread, ref.index);
    // Messages on an earlier connection may have been lost.
    moveAssignment(assignment, isHeld ? 'held' : 'missing');
    assignment.endSent = false;
    completion.endAsAsked(fanOut);
    if (isHeld) continue;
    if (isWanted(fanOut, child) && isBlocked(step.state, fanOut.namespace)) {
      // The worker would hand it back at once, so it waits here instead.
      (begun ? frozenBegun : frozen).push(ref);
    } else if (isWanted(fanOut, child)) {
      again.push(childIntent(step.self, fanOut, child, link.did, child.attempt, ref.delivery));
    } else {
      // The worker does not have it. Delivering it again would only start it to end it.
      completion.endDelivery(fanOut, child, cancelled(endReason(fanOut, child)), false, now);
      fenced.push(ref);
    }
  }
  handBack(frozen, false);
  handBack(frozenBegun, true);
  if (again.length > 0) step.send(link.did, { type: 'deliver', records: again });
  // The worker holds deliveries that have ended here: a coordinator ended them while the worker was disconnected.
  fenced.push(...unexpected.values());
  if (fenced.length > 0) step.send(link.did, { type: 'fence', deliveries: fenced });
}
