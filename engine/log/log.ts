import type { BatchSignature } from '../record/signing.ts';
import type { Did, RecordId, ThreadId } from '../record/ids.ts';
import type { SealedRecord } from '../record/record.ts';

/**
 * A position in the log: the number of records before it. The first record has position 0; positions are dense and
 * never change.
 */
export type Position = number;

/** A record in the log. */
export interface StoredRecord extends SealedRecord {
  readonly position: Position;
  /** The time at which its batch was written, in milliseconds since 1970. Never falls from one record to the next. */
  readonly at: number;
}

/** Records that are appended together, and become durable together or not at all. */
export interface Batch {
  readonly records: readonly SealedRecord[];
  /** The signature of records from another instance, with its author. */
  readonly signature?: BatchSignature & { readonly ids: readonly RecordId[] };
}

/** The answer to an append, when it is durable. */
export interface Appended {
  /** The position of the batch's first record. */
  readonly first: Position;
  /** The time stored with every record of the batch, in milliseconds since 1970. */
  readonly at: number;
}

/** A reader's saved state, stored beside the log, so that opening need not replay everything. */
export interface Checkpoint {
  /** The number of records that the state includes. */
  readonly position: Position;
  /** The reader's saved state, which is opaque to the log. */
  readonly state: Uint8Array;
}

/**
 * Folds the log into a state. It gets all records once, while the log is opened, so that the file is read a single
 * time: first `restore`, then `visit` for every record from the checkpoint's position on.
 */
export interface LogReader {
  /**
   * Takes the saved state, or undefined when there is none.
   * @returns false to refuse it (another version, damage); the whole log is visited then.
   */
  restore(checkpoint: Checkpoint | undefined): boolean;
  visit(record: StoredRecord): void;
}

/**
 * The store of facts. One process writes a log at a time; the lease ensures that.
 *
 * Order: appends become durable in the order of the calls, and `at` rises with it.
 * Durability: an `append` resolves only when its records would survive a loss of power.
 * Poisoning: a failed write or sync is never repeated. From then on every `append` is rejected with LOG_POISONED,
 * including those under way, and `failed` resolves once.
 * Identity: the log does not compare records. Callers use `find` and `findByKey` before they append.
 */
export interface Log {
  /** The number of durable records. */
  readonly end: Position;
  /** The number of records appended so far, durable or not. */
  readonly pendingEnd: Position;
  /** Resolves with the cause when the log is poisoned; never settles otherwise. */
  readonly failed: Promise<Error>;

  /**
   * Appends a batch; concurrent batches share one sync. `find` and `findByKey` find the records at once, before they are
   * durable.
   * @param options.expectedEnd unless `pendingEnd` equals it, nothing is written
   * @throws LOG_POISONED, CONFLICT.
   */
  append(batch: Batch, options?: { readonly expectedEnd?: Position }): Promise<Appended>;

  /** Returns the position of the record with this id, or undefined. May read the disk. */
  find(id: RecordId): Position | undefined;
  /**
   * Returns the position of the record of this actor on this thread with this clock, or undefined. May read the disk.
   */
  findByKey(actor: Did, thread: ThreadId, clock: number): Position | undefined;

  /** Returns one durable record. @throws NOT_FOUND when the position is not below `end`. */
  get(position: Position): Promise<StoredRecord>;
  /** Reads durable records from `from` up to `to` (default: the `end` at the call), in order. */
  read(
    from: Position,
    options?: { readonly to?: Position; readonly signal?: AbortSignal },
  ): AsyncIterable<StoredRecord>;

  /** Returns the signature of a record from another instance; undefined for this instance's own. */
  signatureAt(position: Position): Promise<Batch['signature']>;

  /** Saves the state of the log's reader atomically; a checkpoint older than the present one is ignored. */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;

  /** Waits for appends under way, then releases all files and the lease. Idempotent. */
  close(): Promise<void>;
}
