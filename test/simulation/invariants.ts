/**
 * The invariants that are checked at every step of every simulated fleet. engine/domain/INVARIANTS.md and tests cite the
 cite numbers: an
 * invariant keeps its number, and a new one takes the next.
 */
export const INVARIANTS = {
  I1: 'no effect is done before the records of its step and of all earlier steps are durable',
  I2: 'a round has exactly one join record, and it never changes',
  I3: 'a report counts only for the present delivery of its child, and only from the worker that has that delivery; any other report is kept in the log and not counted',
  I4: 'the seven counts add up to the number of members, which are all children except the follow-ups; the counts agree with the members, and the members with the log',
  I5: 'no child is accepted twice in a round, and an accepted member never runs again',
  I6: 'no member is delivered before all its dependencies have accepted, and no follow-up before all its dependencies have ended',
  I7: 'a child has at most one present delivery, which one worker runs; a delivery that was reported, or had begun with side effects, never runs again',
  I8: 'everything that was acknowledged, to a worker or to a client, is in the durable log',
  I9: 'a replay of the durable log, from its beginning or from any snapshot, yields the live state',
  I10: 'a join agrees with the reports that it names and with the census at its moment; it comes as soon as it is certain, with a CEL predicate within one second, and in a lost round not before the retried children have ended',
  I11: 'after a join that drains or cancels its losers, and after a cancel, no child that was asked to end is delivered',
  I12: 'a child has no more attempts per retry than it is allowed',
  I13: 'a serial run has at most one outstanding delivery',
  I14: 'no two records of one actor on one thread have the same clock, in any log',
  I15: 'after a tick nothing is due: the coordinator never spins',
  I16: 'once all failures have healed, every fan-out ends, or each of its pending children says what it waits for',
  I17: 'once all failures have healed, no worker holds a delivery that its coordinator does not count on, and every report is acknowledged',
  I18: 'no worker is ended for a silence that the coordinator itself caused',
  I19: 'a command that is repeated with its idempotency key is done once',
  I20: 'the deliveries that a coordinator believes its workers to hold are those that the log assigns to them',
  I21: 'the rules refuse input only with a FleetError, and throw nothing else',
  I22: 'a child whose dependency ended without accepting does not stay pending',
  I23: 'an attempt that has ended is not timed out for a silence that the coordinator itself caused',
  I24: 'a worker that a running coordinator has not heard from for four heartbeats does not count as live',
  I25: 'a worker that was asked to stop receives no further delivery',
  I26: 'no child is delivered and recalled endlessly',
  I27: 'nothing is delivered under a freeze, and nothing starts under a freeze that is older than a permit',
  I28: 'after its grace, a hard freeze leaves nothing running at a worker that knows of it',
  I29: 'once a freeze is undone, all work that it held continues',
  I30: 'no start makes the booked and reserved amounts of a fan-out exceed its budget, and a child that can never fit does not stay pending',
  I44: 'an executor that is out of quota receives nothing before its reset time, and then one attempt alone until that attempt has ended',
  I46: 'a coordinator that hears from a worker counts as stalled exactly those attempts of the worker that show no sign of life',
  I47: 'nothing is delivered in a namespace that is archived or below an archived one, and nothing starts there on an earlier permit; once the namespace is active again, all waiting work continues',
  I48: 'the outstanding subtasks of a namespace and of all below it never exceed the limit of its own policy',
  I49: 'a subtask whose matrix waits for results is replaced as soon as those subtasks have accepted, once, by a subtask of each combination of the values in their reports; it is never delivered itself',
} as const;

export type InvariantId = keyof typeof INVARIANTS;

/** Thrown when an invariant does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: InvariantId;

  constructor(invariant: InvariantId, detail: string) {
    super(`${invariant} (${INVARIANTS[invariant]}): ${detail}`);
    this.invariant = invariant;
  }
}

/** @throws Violation unless `holds`. `detail` is called only then. */
export function must(holds: boolean, invariant: InvariantId, detail: () => string): asserts holds {
  if (!holds) throw new Violation(invariant, detail());
}
