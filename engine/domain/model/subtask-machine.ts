import { IGNORED, IMPOSSIBLE, type Machine } from './machine.ts';

/**
 * The life of a subtask. `asking` is a pending one that waits for a person: to documents and counts it is pending.
 * A pending one may be held back by much else, which follows from the rest of the state (`coordinator/holds.ts`).
 */
export type SubtaskState = 'pending' | 'asking' | 'assigned' | 'done';

/** The facts that records tell of a subtask. */
export type SubtaskEvent =
  /** `fanout_spawned`: it was given to a worker. */
  | 'delivered'
  /** `fanout_returned`: its delivery came back, and was no attempt. */
  | 'returned'
  /** `fanout_child_done` of an attempt after which another is due. */
  | 'failed'
  /** `fanout_child_done` of an attempt that ended with a question. */
  | 'asked'
  /** `fanout_child_done` with its verdict. */
  | 'ended'
  /** `fanout_retry_subtask` of one that asks: its answer. */
  | 'answered'
  /** `fanout_retry_subtask` of one that has ended, or of what it depends on. */
  | 'retried';

/** Records are folded through it, also those of a log that somebody else wrote: what does not fit is ignored. */
export const SUBTASK: Machine<SubtaskState, SubtaskEvent> = {
  pending: {
    delivered: 'assigned',
    returned: IGNORED,
    failed: IMPOSSIBLE,
    asked: IMPOSSIBLE,
    // Cancelled, skipped, or beyond its budget.
    ended: 'done',
    answered: IGNORED,
    retried: IGNORED,
  },
  asking: {
    delivered: IGNORED,
    returned: IGNORED,
    failed: IMPOSSIBLE,
    asked: IMPOSSIBLE,
    ended: 'done',
    answered: 'pending',
    retried: IGNORED,
  },
  assigned: {
    // A subtask has one present delivery (I7).
    delivered: IGNORED,
    returned: 'pending',
    failed: 'pending',
    asked: 'asking',
    ended: 'done',
    answered: IGNORED,
    retried: IGNORED,
  },
  done: {
    delivered: IGNORED,
    returned: IGNORED,
    failed: IMPOSSIBLE,
    asked: IMPOSSIBLE,
    // A report of a fenced delivery changes nothing (I3).
    ended: IGNORED,
    answered: IGNORED,
    retried: 'pending',
  },
};
