import { IGNORED, IMPOSSIBLE, type Machine } from './machine.ts';

/**
 * The states of a subtask. `asking` is a pending subtask that waits for a person; documents and counts show it as
 * pending. Other reasons may also hold back a pending subtask; they follow from the rest of the state
 * (`coordinator/holds.ts`).
 */
export type SubtaskState = 'pending' | 'asking' | 'assigned' | 'done';

/** The events of a subtask in records. */
export type SubtaskEvent =
  /** `fanout_spawned`: it was assigned to a worker. */
  | 'delivered'
  /** `fanout_returned`: its delivery came back and was no attempt. */
  | 'returned'
  /** `fanout_child_done` of an attempt that is followed by another. */
  | 'failed'
  /** `fanout_child_done` of an attempt that ended with a question. */
  | 'asked'
  /** `fanout_child_done` with its verdict. */
  | 'ended'
  /** `fanout_retry_subtask` of a subtask with a question: the answer. */
  | 'answered'
  /** `fanout_retry_subtask` of a subtask that has ended, or of one of its dependencies. */
  | 'retried';

/** Folds records, including those of a log with a foreign author, so events that do not fit are ignored. */
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
    // A subtask has at most one present delivery (I7).
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
