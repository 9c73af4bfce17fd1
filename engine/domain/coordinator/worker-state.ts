import type { Did } from '../../record/ids.ts';
import { ASSIGNMENT, type AssignmentEvent, type AssignmentState } from '../model/delivery-machines.ts';
import { next } from '../model/machine.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { Connection, Order } from '../model/worker-machines.ts';

/** The polling interval for work that waits at a busy worker, and for overdue attempts, in ms. */
export const STALL_LOOK_MS = 100;
const OVERDUE_LOOK_MS = 1000;

/** The coordinator's knowledge of a worker outside the log. It is lost with the process, and rebuilt at `hello`. */
export interface WorkerLink {
  readonly did: Did;
  connection: Connection;
  order: Order;
  /** The grace of its last stop, in ms. */
  graceMs: number;
  /** The time at which it was last heard from, or at which waiting for it began, in ms. */
  lastContactAt: number;
  /** The last time that it reported by its own clock, and the time of arrival here, in ms. */
  clock: { readonly at: number; readonly lastContactAt: number };
  /** The time by its own clock for which it knows the freezes, in ms. */
  permittedAt: number;
  /** The time at which its process came up, in ms. Ties between equal loads go to the longest up. */
  upSince: number;
  activeDispatches: number;
  storeRecords: number;
  /** The mean duration of its attempts, in ms, weighted towards the latest; undefined before the first. */
  meanWallMs: number | undefined;
  lastReportAt: number;
  /** The time at which its silence was last excused, in ms. Attempts that were overdue then get their time again. */
  forgivenAt: number;
  /** The time of the next check of its work, in ms. */
  lookAt: number;
  /** Its assignments that have not ended, oldest first. */
  readonly assigned: Map<Child, Assignment>;
}

export interface Assignment {
  readonly fanOut: FanOut;
  progress: Progress;
  /** True when its worker was told on this connection to end it. */
  endSent: boolean;
}

/** The state of an assignment, and the time, in ms, at which its worker reported its start or its silence began. */
type Progress =
  | { readonly state: 'waiting' | 'recalled' }
  | { readonly state: 'running'; readonly startedAt: number }
  | { readonly state: 'stalled'; readonly startedAt: number; readonly silentSince: number };

/** The maximum work that may wait at a worker beyond its slots, in ms of running time: enough to hide a round trip. */
const AHEAD_MS = 50;
/** The duration of attempts from which on none waits at a busy worker, in ms: a round trip is short beside it. */
const LONG_MS = 500;
/** The maximum number of deliveries per slot that may wait: a few batches of reports. */
const AHEAD_MAX = 512;

export function newLink(did: Did, now: number): WorkerLink {
  return {
    did,
    connection: 'away',
    order: 'work',
    graceMs: 0,
    lastContactAt: now,
    clock: { at: Number.NEGATIVE_INFINITY, lastContactAt: now },
    permittedAt: Number.NEGATIVE_INFINITY,
    upSince: now,
    activeDispatches: 0,
    storeRecords: 0,
    meanWallMs: undefined,
    lastReportAt: now,
    forgivenAt: 0,
    lookAt: now,
    assigned: new Map(),
  };
}

export function newAssignment(fanOut: FanOut): Assignment {
  return { fanOut, progress: WAITING, endSent: false };
}

const WAITING: Progress = { state: 'waiting' };

/**
 * Moves an assignment on by the table.
 * @param at the start time, or the beginning of the silence, in ms, for events that have one
 * @returns false when the event has no meaning in its state
 */
export function moveAssignment(assignment: Assignment, event: AssignmentEvent, at = 0): boolean {
  const { progress } = assignment;
  const to = next(ASSIGNMENT, progress.state, event);
  if (to === null) return false;
  assignment.progress = progressIn(to, progress, at);
  return true;
}

function progressIn(state: AssignmentState, from: Progress, at: number): Progress {
  if (state === 'waiting' || state === 'recalled') return { state };
  const startedAt = 'startedAt' in from ? from.startedAt : at;
  return state === 'running' ? { state, startedAt } : { state, startedAt, silentSince: at };
}

/** Returns the time at which its worker reported its start, in ms; null while it waits there. */
export function startedAtOf({ progress }: Assignment): number | null {
  return 'startedAt' in progress ? progress.startedAt : null;
}

/** Returns the time since which it shows no sign of life, as its worker reports it, in ms; null while it shows one. */
export function silentSinceOf({ progress }: Assignment): number | null {
  return progress.state === 'stalled' ? progress.silentSince : null;
}

/** Returns true when a worker is connected. */
export function isLinked({ connection }: WorkerLink): boolean {
  return connection === 'linked' || connection === 'replaced';
}

/** Returns true when a worker's process is expected to connect. Its silence then has a limit. */
export function isAwaited({ connection }: WorkerLink): boolean {
  return connection === 'awaited' || connection === 'replaced';
}

/** Returns the polling interval for the work of a worker, in ms: shorter while it holds more than its slots. */
export function lookMs(link: WorkerLink, slots: number): number {
  return link.assigned.size > slots ? STALL_LOOK_MS : OVERDUE_LOOK_MS;
}

/**
 * Returns the number of deliveries that a worker may hold: its slots, plus about 50 ms of work by the mean so far, at
 * least one for each slot, unless it has stalled. Long attempts do not queue at a busy worker.
 */
export function windowOf(link: WorkerLink, slots: number, now: number): number {
  const { meanWallMs } = link;
  if (meanWallMs === undefined || meanWallMs >= LONG_MS || isStalled(link, slots, now)) return slots;
  return slots * Math.min(AHEAD_MAX, Math.max(2, Math.ceil(AHEAD_MS / Math.max(meanWallMs, 0.05))));
}

export function noteWall(link: WorkerLink, wallMs: number): void {
  link.meanWallMs = link.meanWallMs === undefined ? wallMs : link.meanWallMs * 0.8 + wallMs * 0.2;
}

/**
 * Returns the deliveries that wait beyond the slots of a worker that has not reported for a while, or whose attempts
 * take longer than a recall, newest first.
 */
export function waitingBehind(link: WorkerLink, slots: number, now: number): Child[] {
  if (link.assigned.size <= slots || !((link.meanWallMs ?? 0) >= AHEAD_MS || isStalled(link, slots, now)))
    return [];
  return [...link.assigned]
    .slice(slots)
    .filter(([, { progress }]) => progress.state === 'waiting')
    .map(([child]) => child)
    .reverse();
}

/** Returns true for a worker whose slots are all taken and that has not reported for a while. */
function isStalled(link: WorkerLink, slots: number, now: number): boolean {
  return link.assigned.size >= slots && now - link.lastReportAt >= stallMs(link);
}

/** Returns how long a worker with more deliveries than slots may be silent before the surplus is recalled, in ms. */
function stallMs(link: WorkerLink): number {
  return Math.max(100, 4 * (link.meanWallMs ?? 0));
}
