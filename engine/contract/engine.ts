import type { Did } from '../record/ids.ts';
import type { FleetRecord } from '../record/record.ts';
import type { SubtaskRef } from '../subtask/subtask-ref.ts';
import type * as d from './documents.ts';

/** The version of the engine and of everything that is built with it. */
export const VERSION = '0.1.0';
/** The version of the HTTP contract and of the link's frames; every answer carries it. */
export const PROTOCOL = 1;

/** The most children that one report of them tells of. */
export const MAX_CHILDREN = 500;

/** The fault of a join predicate, and its place, in UTF-16 code units from 0. */
export interface JoinFault {
  readonly message: string;
  readonly position: number;
  readonly length: number;
}

/** The caller, and the bounds of the call. */
export interface CallContext {
  readonly actor: Did;
  /** A command repeated with the same key, by the same actor, is answered as the first was. */
  readonly idempotencyKey?: string;
  /** The environment of who submits work, in which it runs; only a process of this machine can give one. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An event, told after it is durable. */
export type EngineEvent =
  /** A record came into the log. `position` is what a watcher resumes after. */
  | { readonly kind: 'record'; readonly position: number; readonly at: number; readonly record: FleetRecord }
  /**
   * A task was made, or it, its join or these of its subtasks look different from before; one event for all that a step
   * changed. Why a pending subtask waits may change without one. Not replayed on resumption.
   */
  | {
      readonly kind: 'task';
      readonly thread: string;
      readonly children: readonly number[];
      readonly complete: boolean;
    }
  /** An instance came, went, or changed. Not replayed on resumption. */
  | { readonly kind: 'instance'; readonly did: string }
  /**
   * A namespace was made, changed, archived, deleted, frozen or let go, and what lies below it may look different as well:
   * `default` for the emergency stop. Not replayed on resumption.
   */
  | { readonly kind: 'namespace'; readonly id: string }
  /** A worker was heard of, which changed nothing. Told only to those that ask for this kind; not replayed. */
  | { readonly kind: 'heartbeat'; readonly did: string }
  /** The watcher was too slow, and events were left out: read the state anew. */
  | { readonly kind: 'gap' };

export interface WatchOptions {
  /** Only what concerns this thread. */
  readonly thread?: string;
  /** Only these kinds; `gap` always comes. Default: all but heartbeats. */
  readonly kinds?: readonly EngineEvent['kind'][];
  /** Begin with the records after this position; without it, with what happens from now on. */
  readonly after?: number;
  readonly signal: AbortSignal;
}

/** A subtask's output: what is told ahead, then the bytes, up to their end or, when followed, the attempt's. */
export interface OutputStream {
  readonly info: d.OutputInfo;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface OutputRequest {
  readonly task: string;
  readonly subtask: SubtaskRef;
  /** Default: the latest. */
  readonly attempt?: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}
