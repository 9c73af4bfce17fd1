import type { SqlJsStatic } from 'sql.js';
import { readSegmentBatches, type LocatedRecord } from '../file/reader.ts';
import type { Position } from '../log.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { IndexDatabase } from './database.ts';
import { LogLines } from './log-lines.ts';
import type { WorkerData } from './protocol.ts';

/** A transaction of this many rows costs little memory, and its begin and end cost little time. */
const TRANSACTION_ROWS = 8192;

/** The index as a projection of the log: loaded from its checkpoint, or built from nothing, and brought up to date. */
export class Projection {
  readonly #sql: SqlJsStatic;
  readonly #options: WorkerData;
  readonly #lines: LogLines;
  #database: IndexDatabase | undefined;
  /** Rows before this position are in the checkpoint. */
  #saved: Position = 0;
  /** As `#saved`, counting checkpoints that failed. */
  #tried: Position = 0;

  constructor(sql: SqlJsStatic, options: WorkerData) {
    this.#sql = sql;
    this.#options = options;
    this.#lines = new LogLines(options.logDir);
  }

  /**
   * The tables with all records before `end`, which is the log's.
   * @throws LOG_DAMAGED, LOG_SHORT as the log's reader does; the tables keep what was read before.
   */
  async upTo(end: Position): Promise<IndexDatabase> {
    const database = (this.#database ??= await this.#load(end));
    if (database.position < end) await this.#read(database, end);
    if (database.position - this.#tried >= this.#worthSaving()) {
      // The tables are no worse for a checkpoint that could not be written; the next one may fare better.
      await this.save().catch(() => undefined);
    }
    return database;
  }

  /** Writes the checkpoint, if there is anything new. */
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

  /** A large index is rewritten less often, since it is always rewritten whole. */
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

  /** A log that is shorter, or has another record where the last one indexed was, is another log. */
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
      // Half a batch may be in: the next question begins again from the checkpoint.
      this.close();
      throw error;
    }
  }
}
