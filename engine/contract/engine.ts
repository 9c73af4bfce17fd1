import type { Did } from '../record/ids.ts';
import type { FleetRecord } from '../record/record.ts';
import type { SubtaskRef } from '../subtask/subtask-ref.ts';
import type * as d from './documents.ts';

/** The version of the engine and of everything that is built with it. */
export const VERSION = '0.1.0';
/** The version of the HTTP contract and of the link's frames; every answer carries it. */
export const PROTOCOL = 1;

/** The maximum number of children in one page of them. */
export const MAX_CHILDREN = 500;

/** The fault of a join predicate, and its position in UTF-16 code units, from 0. */
export interface JoinFault {
  readonly message: string;
  readonly position: number;
  readonly length: number;
}

/** The caller, and the bounds of the call. */
export interface CallContext {
  readonly actor: Did;
  /** The idempotency key. A command repeated with the same key by the same actor gets the first answer. */
  readonly idempotencyKey?: string;
  /** The environment of the submitter, in which submitted work runs. Only a process on this machine can provide it. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An event, delivered after it is durable. */
export type EngineEvent =
  /** A record was added to the log. A watcher resumes after `position`. */
  | { readonly kind: 'record'; readonly position: number; readonly at: number; readonly record: FleetRecord }
  /**
   * A task was created; or the task, its join or these of its subtasks changed. One event covers all changes of a step.
   * The reason why a pending subtask waits may change without an event. Not replayed on resumption.
   */
  | {
      readonly kind: 'task';
      readonly thread: string;
      readonly children: readonly number[];
      readonly complete: boolean;
    }
  /** An instance was added, removed or changed. Not replayed on resumption. */
  | { readonly kind: 'instance'; readonly did: string }
  /**
   * A namespace was created, changed, archived, deleted, frozen or unfrozen; namespaces below it may have changed too.
   * `default` for the emergency stop. Not replayed on resumption.
   */
  | { readonly kind: 'namespace'; readonly id: string }
  /**
   * A worker's heartbeat arrived and changed nothing. Delivered only to watchers that ask for this kind; not replayed.
   */
  | { readonly kind: 'heartbeat'; readonly did: string }
  /** The watcher was too slow and lost events: read the state again. */
  | { readonly kind: 'gap' };

export interface WatchOptions {
  /** Only events about this thread. */
  readonly thread?: string;
  /** Only these kinds; `gap` is always delivered. Default: all but heartbeats. */
  readonly kinds?: readonly EngineEvent['kind'][];
  /** Starts with the records after this position. Default: only new events. */
  readonly after?: number;
  readonly signal: AbortSignal;
}

/**
 * A subtask's output: its facts, then the bytes up to the end of the file. When followed, up to the end of the attempt.
 */
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
