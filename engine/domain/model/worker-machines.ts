import { IGNORED, IMPOSSIBLE, type Machine } from './machine.ts';

/**
 * A worker has three states, which one event may change together: its status, which is in the log and in documents; its
 * connection, which each coordinator learns anew; and its order. A worker may be connected and stale, or archived and
 * awaited: none of the three follows from the others.
 */
export type WorkerStatus =
  /** Admitted, and not yet heard from. */
  | 'starting'
  | 'live'
  /** Silent for two heartbeat intervals. */
  | 'stale'
  /** Gone: its process ended, or was silent for too long. */
  | 'archived'
  /** Ended on request. */
  | 'stopped';

export type Connection =
  | 'away'
  /** Away, and expected to connect: its process is starting, or runs. Its silence has a limit. */
  | 'awaited'
  | 'linked'
  /** Linked, while another process of it is awaited. This process is considered hung. */
  | 'replaced';

export type Order =
  | 'work'
  /** Asked to stop: it gets no more work until its process has ended. */
  | 'stop';

export type WorkerEvent =
  /** It belongs to the fleet, and its process is being launched. */
  | 'admitted'
  /** It sent `hello` on a link. */
  | 'connected'
  /** A heartbeat arrived on its link. */
  | 'heard'
  | 'disconnected'
  /** Silent for two heartbeat intervals. */
  | 'silent'
  /** Silent for too long: its process is ended. */
  | 'lost'
  /** Its process is known to be gone. */
  | 'gone'
  /** It will not come back: its work is lost. */
  | 'abandoned'
  /** A person asks it to stop. */
  | 'told to stop'
  /** It has ended on request. */
  | 'stopped';

/** The table of statuses. A named status is written even when it already holds, because its reason may differ. */
export const STATUS: Machine<WorkerStatus, WorkerEvent, Exclude<WorkerStatus, 'starting'>> = {
  starting: {
    admitted: IGNORED,
    connected: 'live',
    heard: 'live',
    disconnected: IGNORED,
    silent: IGNORED,
    lost: 'archived',
    gone: 'archived',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'stopped',
  },
  live: {
    admitted: IGNORED,
    connected: 'live',
    heard: 'live',
    disconnected: IGNORED,
    silent: 'stale',
    // A worker becomes stale first.
    lost: IMPOSSIBLE,
    gone: 'archived',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'stopped',
  },
  stale: {
    admitted: IGNORED,
    connected: 'live',
    heard: 'live',
    disconnected: IGNORED,
    silent: IGNORED,
    lost: 'archived',
    gone: 'archived',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'stopped',
  },
  archived: {
    admitted: IGNORED,
    connected: 'live',
    heard: 'live',
    disconnected: IGNORED,
    silent: IGNORED,
    lost: 'archived',
    gone: 'archived',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'stopped',
  },
  stopped: {
    admitted: IGNORED,
    // It was launched again.
    connected: 'live',
    heard: 'live',
    disconnected: IGNORED,
    silent: IGNORED,
    lost: 'archived',
    gone: 'archived',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'stopped',
  },
};

export const CONNECTION: Machine<Connection, WorkerEvent> = {
  away: {
    admitted: 'awaited',
    connected: 'linked',
    // A late message of a lost link.
    heard: IGNORED,
    disconnected: IGNORED,
    silent: IGNORED,
    lost: 'awaited',
    gone: 'awaited',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: IGNORED,
  },
  awaited: {
    admitted: IGNORED,
    connected: 'linked',
    heard: IGNORED,
    disconnected: IGNORED,
    silent: IGNORED,
    lost: IGNORED,
    gone: IGNORED,
    abandoned: 'away',
    'told to stop': IGNORED,
    stopped: 'away',
  },
  linked: {
    admitted: 'replaced',
    connected: 'linked',
    heard: IGNORED,
    disconnected: 'away',
    silent: IGNORED,
    lost: 'replaced',
    gone: 'awaited',
    abandoned: 'away',
    'told to stop': IGNORED,
    stopped: 'away',
  },
  replaced: {
    admitted: IGNORED,
    connected: 'linked',
    heard: IGNORED,
    disconnected: 'awaited',
    silent: IGNORED,
    lost: IGNORED,
    gone: 'awaited',
    abandoned: 'away',
    'told to stop': IGNORED,
    stopped: 'away',
  },
};

export const ORDER: Machine<Order, WorkerEvent> = {
  work: {
    admitted: IGNORED,
    connected: IGNORED,
    heard: IGNORED,
    disconnected: IGNORED,
    silent: IGNORED,
    lost: IGNORED,
    gone: IGNORED,
    abandoned: IGNORED,
    'told to stop': 'stop',
    stopped: IGNORED,
  },
  stop: {
    admitted: IGNORED,
    // An earlier stop may have been lost, so it is sent again.
    connected: IGNORED,
    heard: IGNORED,
    disconnected: IGNORED,
    silent: IGNORED,
    lost: IGNORED,
    // It ended by itself. Its replacement was not told to stop.
    gone: 'work',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'work',
  },
};

/** The connections that a starting coordinator assumes, by status. It waits for the awaited workers. */
export const COMES_UP: Readonly<Record<WorkerStatus, Connection>> = {
  starting: 'awaited',
  live: 'away',
  stale: 'away',
  archived: 'awaited',
  stopped: 'away',
};
