import { IGNORED, IMPOSSIBLE, type Machine } from '../../domain/model/machine.ts';

/** The life of a worker's process, as its supervisor knows it. Whether the worker is connected is its coordinator's to know. */
export type ProcessState =
  /** To be launched after a pause. */
  | 'due'
  /** Being launched. */
  | 'spawning'
  /** There, and to stay: when it ends, another one is launched. */
  | 'up'
  /** Told to end while it was being launched: it is ended as soon as it is there. */
  | 'aborting'
  /** There, and told to end. */
  | 'ending'
  /** Ended as it was told to. */
  | 'ended'
  /** Not launched again by itself: it ended too often, or can't be launched. */
  | 'given up';

export type ProcessEvent =
  /** The pause before its launch is over. */
  | 'spawn'
  | 'spawned'
  /** No process could be made. */
  | 'failed'
  /** Its process is gone, and may be launched again. */
  | 'exited'
  /** Its process is gone, as several before it within a short time. */
  | 'exited too often'
  | 'told to end';

export const PROCESS: Machine<ProcessState, ProcessEvent> = {
  due: {
    spawn: 'spawning',
    spawned: IMPOSSIBLE,
    failed: IMPOSSIBLE,
    exited: IGNORED,
    'exited too often': IGNORED,
    'told to end': 'ended',
  },
  spawning: {
    spawn: IMPOSSIBLE,
    spawned: 'up',
    failed: 'given up',
    // Its number is not known yet; its end is noticed when it is.
    exited: IGNORED,
    'exited too often': IGNORED,
    'told to end': 'aborting',
  },
  up: {
    spawn: IMPOSSIBLE,
    spawned: IMPOSSIBLE,
    failed: IMPOSSIBLE,
    exited: 'due',
    'exited too often': 'given up',
    'told to end': 'ending',
  },
  aborting: {
    spawn: IMPOSSIBLE,
    spawned: 'ending',
    failed: 'given up',
    exited: IGNORED,
    'exited too often': IGNORED,
    'told to end': IGNORED,
  },
  ending: {
    spawn: IMPOSSIBLE,
    spawned: IMPOSSIBLE,
    failed: IMPOSSIBLE,
    exited: 'ended',
    'exited too often': 'ended',
    'told to end': IGNORED,
  },
  ended: {
    spawn: IGNORED,
    spawned: IMPOSSIBLE,
    failed: IMPOSSIBLE,
    exited: IGNORED,
    'exited too often': IGNORED,
    'told to end': IGNORED,
  },
  'given up': {
    spawn: IGNORED,
    spawned: IMPOSSIBLE,
    failed: IMPOSSIBLE,
    exited: IGNORED,
    'exited too often': IGNORED,
    'told to end': 'ended',
  },
};
