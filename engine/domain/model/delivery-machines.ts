import { IGNORED, IMPOSSIBLE, type Machine } from './machine.ts';

/**
 * The life of a delivery as its coordinator knows it: learnt over the link, and in no record. One that is reported, given
 * back, lost or timed out is no longer kept.
 */
export type AssignmentState =
  /** Handed to the worker, and not started there. */
  | 'waiting'
  /** Asked back before it started. */
  | 'recalled'
  | 'running'
  /** Running without a sign of life. */
  | 'stalled';

export type AssignmentEvent =
  /** The coordinator asks for it back. */
  | 'recall'
  /** The worker says that it runs. */
  | 'started'
  /** The worker says that it shows no sign of life. */
  | 'silent'
  /** The worker says that it shows one again. */
  | 'alive'
  /** The worker is connected again, and holds it: what was said before may not have come. */
  | 'held'
  /** The worker is connected again, and does not hold it. */
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
    // What is still stalled is told again; the sign of life of what is not may have been lost with the connection.
    held: 'running',
    missing: 'waiting',
  },
};

/** The life of a delivery at its worker. The last three are ends, and say what becomes of it. */
export type DeliveryState =
  | 'queued'
  | 'running'
  /** Running, and told to end; its end is reported. */
  | 'cancelling'
  /** Running, told to end, and no longer counted: its end is not reported. */
  | 'fenced'
  /** Running, told to end, and given back when it has ended: it was no attempt. */
  | 'leaving'
  | 'reported'
  | 'returned'
  | 'forgotten';

export type DeliveryEvent =
  | 'start'
  | 'cancel'
  /** Its coordinator no longer counts it. */
  | 'fence'
  /** Its coordinator wants it back, or nothing may start: what has not started goes back. */
  | 'recall'
  /** The grace of a stop is over. */
  | 'evict'
  | 'finished'
  /** The attempt could not begin here. */
  | 'not begun';

export const DELIVERY: Machine<DeliveryState, DeliveryEvent> = {
  queued: {
    start: 'running',
    cancel: 'reported',
    fence: 'forgotten',
    recall: 'returned',
    evict: IGNORED,
    // An answer about what does not run here.
    finished: IGNORED,
    'not begun': IGNORED,
  },
  running: {
    start: IMPOSSIBLE,
    cancel: 'cancelling',
    fence: 'fenced',
    recall: IGNORED,
    evict: 'leaving',
    finished: 'reported',
    'not begun': 'returned',
  },
  cancelling: {
    start: IMPOSSIBLE,
    cancel: 'cancelling',
    fence: 'fenced',
    recall: IGNORED,
    evict: 'leaving',
    finished: 'reported',
    // It was asked to end, and has.
    'not begun': 'reported',
  },
  fenced: {
    start: IMPOSSIBLE,
    cancel: IGNORED,
    fence: IGNORED,
    recall: IGNORED,
    evict: 'leaving',
    finished: 'forgotten',
    'not begun': 'forgotten',
  },
  leaving: {
    start: IMPOSSIBLE,
    cancel: IGNORED,
    fence: IGNORED,
    recall: IGNORED,
    evict: IGNORED,
    finished: 'returned',
    'not begun': 'returned',
  },
  reported: ended(),
  returned: ended(),
  forgotten: ended(),
};

/** The row of a state that nothing leaves: a delivery that is over is not kept, and what comes for it is late. */
function ended(): Machine<DeliveryState, DeliveryEvent>[DeliveryState] {
  return {
    start: IGNORED,
    cancel: IGNORED,
    fence: IGNORED,
    recall: IGNORED,
    evict: IGNORED,
    finished: IGNORED,
    'not begun': IGNORED,
  };
}
