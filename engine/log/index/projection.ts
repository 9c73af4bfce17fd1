import type { SqlJsStatic } from 'sql.js';
import { readSegmentBatches, type LocatedRecord } from '../file/reader.ts';
import type { Position } from '../log.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { IndexDatabase } from './database.ts';
import { LogLines } from './log-lines.ts';
import type { WorkerData } from './protocol.ts';

/** The number of rows in a transaction: few enough to cost little memory, and enough to make its overhead small. */
const TRANSACTION_ROWS = 8192;

/** The index as a projection of the log: loaded from its checkpoint or built, and kept up to date. */
export class Projection {
  readonly #sql: SqlJsStatic;
  readonly #options: WorkerData;
  readonly #lines: LogLines;
  #database: IndexDatabase | undefined;
  /** The rows before this position are in the checkpoint. */
  #saved: Position = 0;
  /** As `#saved`, including failed checkpoints. */
  #tried: Position = 0;

  constructor(sql: SqlJsStatic, options: WorkerData) {
    this.#sql = sql;
    this.#options = options;
    this.#lines = new LogLines(options.logDir);
  }

  /**
   * Returns the tables with all records before `end`, the log's end.
   * @throws LOG_DAMAGED, LOG_SHORT as the log's reader does; the tables keep the records read before.
   */
  async upTo(end: Position): Promise<IndexDatabase> {
    const database = (this.#database ??= await this.#load(end));
    if (database.position < end) await this.#read(database, end);
    if (database.position - this.#tried >= this.#worthSaving()) {
      // A failed checkpoint does not affect the tables, and the next one may succeed.
      await this.save().catch(() => undefined);
    }
    return database;
  }

  /** Writes the checkpoint if there are new rows. */
  async save(): Promise<void> {
    const database = this.#database;
    if (database === undefined || database.position === this.#saved) return;
    this.#tried = database.position;
    await writeCheckpoint(this.#options.file, database.export());
    this.#saved = database.position;
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
    this.#lines.close();
  }

  /** A large index is saved less often, because a save writes all of it. */
  #worthSaving(): number {
    return Math.max(this.#options.checkpointRows, this.#tried / 4);
  }

  async #load(end: Position): Promise<IndexDatabase> {
    const bytes = await readCheckpoint(this.#options.file);
    const database = bytes && IndexDatabase.restore(this.#sql, bytes, this.#lines);
    if (database !== undefined && this.#isOfThisLog(database, end)) {
      this.#saved = this.#tried = database.position;
      return database;
    }
    database?.close();
    this.#saved = this.#tried = 0;
    return IndexDatabase.create(this.#sql, this.#lines);
  }

  /** False for a log that is shorter, or has another record in the place of the last indexed one. */
  #isOfThisLog(database: IndexDatabase, end: Position): boolean {
    const { tail } = database;
    if (tail === undefined) return true;
    if (tail.position >= end) return false;
    try {
      return this.#lines.read(tail).id === tail.id;
    } catch {
      return false;
    }
  }

  async #read(database: IndexDatabase, end: Position): Promise<void> {
    const { tail } = database;
    const hint = tail && { segment: tail.segment, offset: tail.frame };
    let rows: LocatedRecord[] = [];
    try {
      for await (const batch of readSegmentBatches(this.#options.logDir, {
        fromPosition: database.position,
        hint,
        to: { position: end },
      })) {
        rows.push(...batch);
        if (rows.length < TRANSACTION_ROWS) continue;
        this.#insert(database, rows);
        rows = [];
      }
    } finally {
      this.#insert(database, rows);
    }
  }

  #insert(database: IndexDatabase, rows: readonly LocatedRecord[]): void {
    try {
      database.insert(rows);
    } catch (error) {
      // A part of the batch may be inserted, so that the next question starts from the checkpoint.
      this.close();
      throw error;
    }
  }
}
