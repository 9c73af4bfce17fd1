import type { BatchSignature } from '../record/signing.ts';
import type { Did, RecordId, ThreadId } from '../record/ids.ts';
import type { SealedRecord } from '../record/record.ts';

/**
 * A place in the log: the number of records before it. The first record has position 0; positions are dense and
 * never change.
 */
export type Position = number;

/** A record as the log holds it. */
export interface StoredRecord extends SealedRecord {
  readonly position: Position;
  /** The time at which its batch was written, in milliseconds since 1970. Never falls from one record to the next. */
  readonly at: number;
}

/** Records that are appended at once, and are durable at once or not at all. */
export interface Batch {
  readonly records: readonly SealedRecord[];
  /** Kept with the records that came from another instance: whose they are, and that instance's word for it. */
  readonly signature?: BatchSignature & { readonly ids: readonly RecordId[] };
}

/** The answer to an append, given when it is durable. */
export interface Appended {
  /** The position of the batch's first record. */
  readonly first: Position;
  /** The time stored with every record of the batch, in milliseconds since 1970. */
  readonly at: number;
}

/** A reader's saved state, held beside the log so that opening need not replay everything. */
export interface Checkpoint {
  /** The state is that after all records before this position. */
  readonly position: Position;
  /** The reader's saved state: its own business. */
  readonly state: Uint8Array;
}

/**
 * Whoever folds the log into a state. It is handed the past once, while the log is opened, so that the file is
 * read a single time: first `restore`, then `visit` for every record from the checkpoint's position on.
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
 * The store of facts. One process writes a log at a time; that is the lease's business, which an open log holds.
 *
 * Order: appends become durable in the order in which `append` was called, and `at` rises with it.
 * Durability: a promise of `append` is fulfilled only after the records would survive the loss of power.
 * Poisoning: a write or a sync that failed is never tried again. From then on every `append` is refused with
 * LOG_POISONED, the ones under way included, and `failed` tells the owner once.
 * Identity: the log does not judge records. Callers ask `find` and `findSlot` before they append.
 */
export interface Log {
  /** The number of durable records. */
  readonly end: Position;
  /** The number of records appended so far, durable or not. */
  readonly pendingEnd: Position;
  /** Settled with the cause when the log is poisoned; never settled otherwise. */
  readonly failed: Promise<Error>;

  /**
   * Appends a batch; many batches called for at once share one sync.
   * The records are findable by `find` and `findSlot` at once, before they are durable.
   * @param options.expectedEnd refuse with CONFLICT, and write nothing, unless `pendingEnd` equals it.
   * @throws LOG_POISONED, CONFLICT.
   */
  append(batch: Batch, options?: { readonly expectedEnd?: Position }): Promise<Appended>;

  /** The position of the record with this id, or undefined when there is none. May read the disk. */
  find(id: RecordId): Position | undefined;
  /** The position of the record of this actor on this thread with this clock, or undefined. May read the disk. */
  findSlot(actor: Did, thread: ThreadId, clock: number): Position | undefined;

  /** One durable record. @throws NOT_FOUND when the position is not below `end`. */
  get(position: Position): Promise<StoredRecord>;
  /** Durable records from `from` up to `to` (default: the `end` at the call), in order. */
  read(
    from: Position,
    options?: { readonly to?: Position; readonly signal?: AbortSignal },
  ): AsyncIterable<StoredRecord>;

  /** The signature that came with a record from another instance, or undefined for this instance's own. */
  signatureAt(position: Position): Promise<Batch['signature']>;

  /** Saves the state of the log's reader, atomically; a checkpoint older than the present one is ignored. */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;

  /** Waits for what is under way, then lets go of every file and of the lease. Idempotent. */
  close(): Promise<void>;
}
