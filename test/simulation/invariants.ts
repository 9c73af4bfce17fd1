/**
 * The invariants of every step of every simulated fleet. The numbers are cited by engine/domain/INVARIANTS.md and by
 * tests: an invariant keeps its number, and a new one takes the next.
 */
export const INVARIANTS = {
  I1: 'no effect is done before the records that were decided with it, or before it, are durable',
  I2: 'a round has exactly one join record, and it never changes',
  I3: 'a report counts only for the present delivery of its child, by the worker that has it; any other is kept in the log and not counted',
  I4: 'the seven counts add up to the members, which are all children but the follow-ups, and agree with them, and these with the log',
  I5: 'no child is accepted twice in a round, and an accepted member never runs again',
  I6: 'no member is delivered before everything that it depends on has accepted, and no follow-up before that has ended',
  I7: 'a child has at most one present delivery, which one worker runs; one that was reported, or had begun with side effects, never runs again',
  I8: 'what was acknowledged, to a worker or to a client, is in the durable log',
  I9: 'the durable log replays to the live state, from its beginning as from any snapshot',
  I10: 'a join agrees with the reports that it names and with the census of its moment, and comes at the first moment at which it is certain, a CEL predicate within a second or less, and a lost round not before what it retries has ended',
  I11: 'after a join that drains or cancels its losers, and after a cancel, nothing is delivered that was asked to end',
  I12: 'a child has no more attempts than it is allowed, per retry',
  I13: 'a serial run has at most one delivery out',
  I14: 'no two records of one actor on one thread have the same clock, in any log',
  I15: 'a tick leaves nothing that is due: the coordinator never spins',
  I16: 'once everything is healed, every fan-out comes to its end, or each of its pending children says what it waits for',
  I17: 'once everything is healed, no worker holds what its coordinator does not count on, and no report is left unacknowledged',
  I18: 'no worker is ended for a silence that was the coordinator’s own',
  I19: 'a command repeated with its idempotency key is done once',
  I20: 'what a coordinator believes its workers to hold is what the log assigns to them',
  I21: 'the rules refuse what they do not take with a FleetError, and throw nothing else',
  I22: 'a child whose dependency ended without accepting does not stay pending',
  I23: 'an attempt that has ended is not timed out for a silence that was the coordinator’s own',
  I24: 'a worker that is not heard of for four heartbeats, by a coordinator that runs, is not held for live',
  I25: 'a worker that was asked to stop is given nothing more',
  I26: 'a child is not handed out and taken back without end',
  I27: 'nothing is given out under a freeze, and nothing starts under one that is older than a permit',
  I28: 'a hard freeze leaves nothing running after its grace at a worker that knows of it',
  I29: 'once a freeze is undone, everything that it held goes on',
  I30: 'no start has what a fan-out booked and reserved pass its budget, and what can never fit does not stay pending',
  I44: 'nothing is given to an executor that is out of quota before its time, and then one attempt alone until it has ended',
  I46: 'a coordinator that hears a worker holds those of its attempts for stalled that show no sign of life, and no others',
  I47: 'nothing is given out in a namespace that is archived, or lies below one that is, and nothing starts there on a permit from before; once it is active again, everything that waited goes on',
  I48: 'no namespace has more subtasks out at a time, with all below it, than its own policy lets run',
} as const;

export type InvariantId = keyof typeof INVARIANTS;

/** One of them did not hold. */
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
