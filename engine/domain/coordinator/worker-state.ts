import type { Did } from '../../record/ids.ts';
import { ASSIGNMENT, type AssignmentEvent, type AssignmentState } from '../model/delivery-machines.ts';
import { next } from '../model/machine.ts';
import type { Child, FanOut } from '../model/state.ts';
import type { Connection, Order } from '../model/worker-machines.ts';

/** The polling intervals for work that waits at a busy worker, and for overdue attempts, in ms. */
export const STALL_LOOK_MS = 100;
const OVERDUE_LOOK_MS = 1000;

/** The coordinator's knowledge of a worker beside the log: it is lost with the process, and learnt anew at `hello`. */
export interface WorkerLink {
  readonly did: Did;
  connection: Connection;
  order: Order;
  /** The time that it was given to finish when it was last told to stop, in ms. */
  graceMs: number;
  /** The time at which it was last heard of, or began to be awaited, in ms. */
  heardAt: number;
  /** The time by its own clock that it said last, and when it was heard here, in ms. */
  clock: { readonly at: number; readonly heardAt: number };
  /** The time by its own clock of which it knows what was frozen, in ms. */
  permittedAt: number;
  /** The time at which its process came up, in ms; ties between equal loads go to the longest up. */
  upSince: number;
  activeDispatches: number;
  storeRecords: number;
  /** A mean of how long its attempts take, in ms, weighted towards the latest; undefined before the first. */
  meanWallMs: number | undefined;
  lastReportAt: number;
  /** The time at which it was last forgiven its silence, in ms: attempts that were overdue then have their time again. */
  forgivenAt: number;
  /** The time of the next check of the work that it holds, in ms. */
  lookAt: number;
  /** Everything assigned to it and not ended, oldest first. */
  readonly assigned: Map<Child, Assignment>;
}

export interface Assignment {
  readonly fanOut: FanOut;
  progress: Progress;
  /** Its worker was told on this connection to end it. */
  told: boolean;
}

/** The state of an assignment, with what is known in it: when its worker reported its start or was silent, in ms. */
type Progress =
  | { readonly state: 'waiting' | 'recalled' }
  | { readonly state: 'running'; readonly startedAt: number }
  | { readonly state: 'stalled'; readonly startedAt: number; readonly silentSince: number };

/** The most work that may wait at a worker beyond its slots, in ms of running time: enough to hide a round trip. */
const AHEAD_MS = 50;
/** And in number, per slot: a few of the batches that a worker reports at once. */
const AHEAD_MAX = 512;

export function newLink(did: Did, now: number): WorkerLink {
  return {
    did,
    connection: 'away',
    order: 'work',
    graceMs: 0,
    heardAt: now,
    clock: { at: Number.NEGATIVE_INFINITY, heardAt: now },
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
  return { fanOut, progress: WAITING, told: false };
}

const WAITING: Progress = { state: 'waiting' };

/**
 * Moves an assignment on by the table.
 * @param at when it started, or since when it is silent, in ms, for events that say so
 * @returns whether the event means anything in its state
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

/** The time at which its worker reported its start, in ms; null while it waits there. */
export function startedAtOf({ progress }: Assignment): number | null {
  return 'startedAt' in progress ? progress.startedAt : null;
}

/** Since when it shows no sign of life, as its worker says, in ms; null while it does. */
export function silentSinceOf({ progress }: Assignment): number | null {
  return progress.state === 'stalled' ? progress.silentSince : null;
}

/** Tells whether messages reach a worker. */
export function isLinked({ connection }: WorkerLink): boolean {
  return connection === 'linked' || connection === 'replaced';
}

/** Tells whether a process of a worker is to connect: it is not left to be silent for ever. */
export function isAwaited({ connection }: WorkerLink): boolean {
  return connection === 'awaited' || connection === 'replaced';
}

/** Returns the polling interval for the work that a worker holds, in ms: shorter while it holds more than its slots. */
export function lookMs(link: WorkerLink, slots: number): number {
  return link.assigned.size > slots ? STALL_LOOK_MS : OVERDUE_LOOK_MS;
}

/**
 * Returns the number of deliveries that a worker may hold: its slots, and ahead of them about 50 ms of work as measured
 * so far, unless it has stalled. Long attempts are therefore not queued at a busy worker while another is free.
 */
export function windowOf(link: WorkerLink, slots: number, now: number): number {
  if (link.meanWallMs === undefined || link.meanWallMs >= AHEAD_MS || isStalled(link, slots, now))
    return slots;
  return slots * Math.min(AHEAD_MAX, Math.ceil(AHEAD_MS / Math.max(link.meanWallMs, 0.05)));
}

export function noteWall(link: WorkerLink, wallMs: number): void {
  link.meanWallMs = link.meanWallMs === undefined ? wallMs : link.meanWallMs * 0.8 + wallMs * 0.2;
}

/** Deliveries that wait behind a worker's slots although it has not reported for a while, newest first. */
export function stalledBehind(link: WorkerLink, slots: number, now: number): Child[] {
  if (link.assigned.size <= slots || !isStalled(link, slots, now)) return [];
  return [...link.assigned]
    .slice(slots)
    .filter(([, { progress }]) => progress.state === 'waiting')
    .map(([child]) => child)
    .reverse();
}

/** Tells whether all its slots are taken and it has not reported for a while. */
function isStalled(link: WorkerLink, slots: number, now: number): boolean {
  return link.assigned.size >= slots && now - link.lastReportAt >= stallMs(link);
}

/** Returns how long a worker with more than its slots may be silent before the surplus is recalled, in ms. */
function stallMs(link: WorkerLink): number {
  return Math.max(100, 4 * (link.meanWallMs ?? 0));
}
