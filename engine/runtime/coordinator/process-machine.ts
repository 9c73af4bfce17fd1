import { IGNORED, IMPOSSIBLE, type Machine } from '../../domain/model/machine.ts';

/**
 * The state of a worker's process, as its supervisor knows it. The coordinator knows whether the worker is connected.
 */
export type ProcessState =
  /** Waits for its launch. */
  | 'due'
  /** Is being launched. */
  | 'spawning'
  /** Runs, and is relaunched when it ends. */
  | 'up'
  /** Was told to end during its launch, and is ended when the launch completes. */
  | 'aborting'
  /** Runs, and was told to end. */
  | 'ending'
  /** Ended after it was told to. */
  | 'ended'
  /** Is not relaunched: it ended too often, or can't be launched. */
  | 'given up';

export type ProcessEvent =
  /** The pause before the launch is over. */
  | 'spawn'
  | 'spawned'
  /** The launch failed. */
  | 'failed'
  /** The process is gone and may be relaunched. */
  | 'exited'
  /** The process is gone, like several before it within a short time. */
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
    // Its pid is not known yet. The launch notices the end when it completes.
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
