import { FleetError, messageOf } from '../../errors.ts';
import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import type { FleetRecord } from '../../record/record.ts';
import type { Appended, Batch, Checkpoint, Log, LogReader, Position, StoredRecord } from '../log.ts';

/** The contents of a memory log, which outlive it as a disk would. */
export class MemoryStorage {
  readonly records: StoredRecord[] = [];
  readonly signatures = new Map<Position, NonNullable<Batch['signature']>>();
  checkpoint: Checkpoint | undefined;
  /** The error of the next commit, to simulate a full disk. */
  nextFailure: Error | undefined;
  /** The log that was opened last, which alone may write. */
  writer: Log | undefined;
}

export interface MemoryLogOptions {
  readonly reader: LogReader;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  /** The storage of an earlier log. Without it the log is empty. */
  readonly storage?: MemoryStorage;
}

export interface MemoryLog extends Log {
  readonly storage: MemoryStorage;
}

/**
 * Opens a log in memory, for tests and simulations. Records that are appended in one turn of the event loop are
 * durable, in `storage`, at its end. To simulate a crash, open another log on its storage: the earlier one is poisoned
 * and writes no more.
 * @throws LOG_SHORT when the storage has fewer records than its checkpoint.
 */
export function openMemoryLog(options: MemoryLogOptions): MemoryLog {
  const { storage = new MemoryStorage(), reader } = options;
  const { records, checkpoint } = storage;
  if (checkpoint !== undefined && checkpoint.position > records.length) {
    throw new FleetError(
      'LOG_SHORT',
      `the log ends at record ${records.length}, but had ${checkpoint.position} records before`,
    );
  }
  const isRestored = reader.restore(checkpoint);
  const from = isRestored ? (checkpoint?.position ?? 0) : 0;
  for (const record of records.slice(from)) reader.visit(record);
  return new OpenMemoryLog(storage, options.now);
}

interface Waiting {
  readonly batch: Batch;
  readonly first: Position;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

class OpenMemoryLog implements MemoryLog {
  readonly storage: MemoryStorage;
  readonly failed: Promise<Error>;
  readonly #now: () => number;
  readonly #ids = new Map<RecordId, Position>();
  readonly #recordKeys = new Map<string, Position>();
  #pendingEnd = 0;
  #waiting: Waiting[] = [];
  #committing: Promise<void> | undefined;
  #poison: FleetError | undefined;
  #reportFailure!: (error: Error) => void;
  #isClosed = false;

  constructor(storage: MemoryStorage, now: () => number) {
    this.storage = storage;
    this.#now = now;
    this.failed = new Promise(resolve => {
      this.#reportFailure = resolve;
    });
    storage.writer = this;
    for (const { record } of storage.records) this.#addKeys(record);
  }

  get end(): Position {
    return this.storage.records.length;
  }

  get pendingEnd(): Position {
    return this.#pendingEnd;
  }

  async append(batch: Batch, options: { readonly expectedEnd?: Position } = {}): Promise<Appended> {
    const { expectedEnd } = options;
    if (this.#poison !== undefined) throw this.#poison;
    if (this.#isClosed) throw new FleetError('UNAVAILABLE', 'the log is closed');
    if (expectedEnd !== undefined && expectedEnd !== this.#pendingEnd) {
      throw new FleetError('CONFLICT', `the log ends at ${this.#pendingEnd}, not at ${expectedEnd}`, {
        details: { expectedEnd, pendingEnd: this.#pendingEnd },
      });
    }
    const first = this.#pendingEnd;
    for (const { record } of batch.records) this.#addKeys(record);
    this.#committing ??= endOfTurn().then(() => {
      this.#commit();
    });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, first, resolve, reject });
    });
  }

  find(id: RecordId): Position | undefined {
    return this.#ids.get(id);
  }

  findByKey(actor: Did, thread: ThreadId, clock: number): Position | undefined {
    return this.#recordKeys.get(recordKeyOf(actor, thread, clock));
  }

  get(position: Position): Promise<StoredRecord> {
    return promised(() => this.#durable(position));
  }

  async *read(
    from: Position,
    options: { readonly to?: Position; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<StoredRecord> {
    const to = Math.min(options.to ?? this.end, this.end);
    for (let position = from; position < to; position++) {
      options.signal?.throwIfAborted();
      yield await this.get(position);
    }
  }

  signatureAt(position: Position): Promise<Batch['signature']> {
    return promised(() => this.storage.signatures.get(this.#durable(position).position));
  }

  async saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const { position, state } = checkpoint;
    if (position > this.#pendingEnd)
      throw new FleetError('INTERNAL', `a checkpoint at ${position} is beyond the log's end`);
    if (position > this.end) await this.append({ records: [] });
    if (position <= (this.storage.checkpoint?.position ?? 0)) return;
    this.storage.checkpoint = { position, state: state.slice() };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#committing;
  }

  #commit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#committing = undefined;
    const { storage } = this;
    const cause =
      storage.writer === this ? storage.nextFailure : new Error('another log was opened on this storage');
    storage.nextFailure = undefined;
    if (cause !== undefined) {
      this.#fail(cause, waiting);
      return;
    }
    const at = Math.max(Math.floor(this.#now()), storage.records.at(-1)?.at ?? 0);
    for (const { batch } of waiting) this.#store(batch, at);
    for (const { first, resolve } of waiting) resolve({ first, at });
  }

  #store({ records, signature }: Batch, at: number): void {
    for (const { record, text } of records) {
      const position = this.storage.records.length;
      this.storage.records.push({ record, text, position, at });
      if (signature !== undefined) this.storage.signatures.set(position, signature);
    }
  }

  #fail(cause: Error, waiting: readonly Waiting[]): void {
    this.#poison = new FleetError('LOG_POISONED', `the log cannot be written: ${messageOf(cause)}`, {
      cause,
    });
    for (const { reject } of waiting) reject(this.#poison);
    this.#reportFailure(this.#poison);
  }

  #addKeys({ id, actor, thread, clock }: FleetRecord): void {
    const position = this.#pendingEnd++;
    if (!this.#ids.has(id)) this.#ids.set(id, position);
    const key = recordKeyOf(actor, thread, clock);
    if (!this.#recordKeys.has(key)) this.#recordKeys.set(key, position);
  }

  #durable(position: Position): StoredRecord {
    const record = this.storage.records[position];
    if (record !== undefined) return record;
    throw new FleetError('NOT_FOUND', `no record at position ${position}: the log ends at ${this.end}`, {
      details: { position, end: this.end },
    });
  }
}

const recordKeyOf = (actor: Did, thread: ThreadId, clock: number): string => `${actor} ${thread} ${clock}`;

const promised = <T>(make: () => T): Promise<T> =>
  new Promise(resolve => {
    resolve(make());
  });

/** Waits until the current callbacks, and the promises that they settle, have run. */
function endOfTurn(): Promise<void> {
  return new Promise(resolve => {
    queueMicrotask(() => {
      process.nextTick(resolve);
    });
  });
}
