import { IGNORED, IMPOSSIBLE, type Machine } from './machine.ts';

/**
 * The states of a delivery at its coordinator. They are learned over the link, and are in no record. A delivery that is
 * reported, handed back, lost or timed out is removed.
 */
export type AssignmentState =
  /** Sent to the worker, and not started there. */
  | 'waiting'
  /** Recalled before it started. */
  | 'recalled'
  | 'running'
  /** Running without a sign of life. */
  | 'stalled';

export type AssignmentEvent =
  /** The coordinator recalls it. */
  | 'recall'
  /** The worker reports its start. */
  | 'started'
  /** The worker reports that it shows no sign of life. */
  | 'silent'
  /** The worker reports that it shows one again. */
  | 'alive'
  /** The worker reconnected and has it. Earlier messages may have been lost. */
  | 'held'
  /** The worker reconnected and does not have it. */
  | 'missing';

export const ASSIGNMENT: Machine<AssignmentState, AssignmentEvent> = {
  waiting: {
    recall: 'recalled',
    started: 'running',
    silent: IGNORED,
    alive: IGNORED,
    held: IGNORED,
    missing: IGNORED,
  },
  recalled: {
    recall: IGNORED,
    // The recall came too late.
    started: 'running',
    silent: IGNORED,
    alive: IGNORED,
    held: 'waiting',
    missing: 'waiting',
  },
  running: {
    recall: IGNORED,
    started: IGNORED,
    silent: 'stalled',
    alive: IGNORED,
    held: IGNORED,
    missing: 'waiting',
  },
  stalled: {
    recall: IGNORED,
    started: IGNORED,
    silent: 'stalled',
    alive: 'running',
    // The worker reports remaining stalls again. The news of a recovery may have been lost with the connection.
    held: 'running',
    missing: 'waiting',
  },
};

/** The states of a delivery at its worker. The last three are final. */
export type DeliveryState =
  | 'queued'
  | 'running'
  /** Running, and told to end. Its end will be reported. */
  | 'cancelling'
  /** Running, told to end, and no longer counted. Its end will not be reported. */
  | 'fenced'
  /** Running, and told to end. It will be handed back and not counted as an attempt. */
  | 'leaving'
  | 'reported'
  | 'returned'
  | 'forgotten';

export type DeliveryEvent =
  | 'start'
  | 'cancel'
  /** The coordinator no longer counts it. */
  | 'fence'
  /** The coordinator recalls it, or nothing may start. If it has not started, it is returned. */
  | 'recall'
  /** The grace of a stop is over. */
  | 'evict'
  | 'finished'
  /** The attempt could not begin here. */
  | 'not begun'
  /** It need not start: an accepted attempt of the same work is reused. */
  | 'reuse';

export const DELIVERY: Machine<DeliveryState, DeliveryEvent> = {
  queued: {
    start: 'running',
    cancel: 'reported',
    fence: 'forgotten',
    recall: 'returned',
    evict: IGNORED,
    // A late answer: the delivery does not run.
    finished: IGNORED,
    'not begun': IGNORED,
    reuse: 'reported',
  },
  running: {
    start: IMPOSSIBLE,
    cancel: 'cancelling',
    fence: 'fenced',
    recall: IGNORED,
    evict: 'leaving',
    finished: 'reported',
    'not begun': 'returned',
    // A late answer: the attempt has started, and compares for itself.
    reuse: IGNORED,
  },
  cancelling: {
    start: IMPOSSIBLE,
    cancel: 'cancelling',
    fence: 'fenced',
    recall: IGNORED,
    evict: 'leaving',
    finished: 'reported',
    // It was told to end, and has ended.
    'not begun': 'reported',
    reuse: IGNORED,
  },
  fenced: {
    start: IMPOSSIBLE,
    cancel: IGNORED,
    fence: IGNORED,
    recall: IGNORED,
    evict: 'leaving',
    finished: 'forgotten',
    'not begun': 'forgotten',
    reuse: IGNORED,
  },
  leaving: {
    start: IMPOSSIBLE,
    cancel: IGNORED,
    fence: IGNORED,
    recall: IGNORED,
    evict: IGNORED,
    finished: 'returned',
    'not begun': 'returned',
    reuse: IGNORED,
  },
  reported: ended(),
  returned: ended(),
  forgotten: ended(),
};

/** Returns the row of a final state. The delivery is gone, so every event is late. */
function ended(): Machine<DeliveryState, DeliveryEvent>[DeliveryState] {
  return {
    start: IGNORED,
    cancel: IGNORED,
    fence: IGNORED,
    recall: IGNORED,
    evict: IGNORED,
    finished: IGNORED,
    'not begun': IGNORED,
    reuse: IGNORED,
  };
}
