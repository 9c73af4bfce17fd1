import { IGNORED, IMPOSSIBLE, type Machine } from './machine.ts';

/**
 * The life of a worker has three sides, which one event may change at once: its status, which the log keeps and documents
 * show; its connection, which a coordinator learns anew; and the order that it was given. A worker is connected and
 * stale, or archived and awaited: none of the three follows from the others.
 */
export type WorkerStatus =
  /** Admitted, and not yet heard of. */
  | 'starting'
  | 'live'
  /** Silent for two heartbeats. */
  | 'stale'
  /** Gone: its process ended, or was silent for too long. */
  | 'archived'
  /** Ended because somebody said so. */
  | 'stopped';

export type Connection =
  | 'away'
  /** Away, and its process is on its way up, or runs and has yet to connect: it is not left silent for ever. */
  | 'awaited'
  | 'linked'
  /** Linked, while another process of it is awaited: this one is held for hung. */
  | 'replaced';

export type Order =
  | 'work'
  /** Asked to stop: it is given nothing more, until its process has ended. */
  | 'stop';

export type WorkerEvent =
  /** It belongs to the fleet, and its process is being launched. */
  | 'admitted'
  /** It said hello on a link. */
  | 'connected'
  /** A heartbeat came on its link. */
  | 'heard'
  | 'disconnected'
  /** Silent for two heartbeats. */
  | 'silent'
  /** Silent for longer than is waited for: its process is ended. */
  | 'lost'
  /** Its process is known to be gone. */
  | 'gone'
  /** It will not come back: what it had is lost. */
  | 'abandoned'
  /** Somebody asks it to stop. */
  | 'told to stop'
  /** It has ended as it was told to. */
  | 'stopped';

/** A status is written where an event names one, also the one that holds already: its reason may be another. */
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
    // It is held for silent first.
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
    // Launched again.
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
    // The last word of a link that is gone.
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
    // It may not have heard of it on an earlier connection, and is told again.
    connected: IGNORED,
    heard: IGNORED,
    disconnected: IGNORED,
    silent: IGNORED,
    lost: IGNORED,
    // It ended by itself: the one that is launched in its place was not told to.
    gone: 'work',
    abandoned: IGNORED,
    'told to stop': IGNORED,
    stopped: 'work',
  },
};

/** The statuses of workers that a coordinator which has just started waits for. */
export const COMES_UP: Readonly<Record<WorkerStatus, Connection>> = {
  starting: 'awaited',
  live: 'away',
  stale: 'away',
  archived: 'awaited',
  stopped: 'away',
};
