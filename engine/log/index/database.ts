import type { Database, SqlJsStatic, SqlValue, Statement } from 'sql.js';
import { messageOf } from '../../errors.ts';
import type { LocatedRecord } from '../file/reader.ts';
import type { Position } from '../log.ts';
import type { LogLines, Place } from './log-lines.ts';
import type { Answers, PositionsFilter, ThreadsFilter } from './protocol.ts';
import { readOnlyStatement, refused } from './read-only.ts';
import { SCHEMA_VERSION, TABLES } from './schema.ts';

/** The last indexed record, and the beginning of its frame. */
export interface Tail extends Place {
  readonly position: Position;
  readonly id: string;
  readonly frame: number;
}

/** The memory limit of SQLite for sorting and texts in one query; the tables themselves are not counted. */
const HEAP_LIMIT_BYTES = 128 * 1024 * 1024;

/**
 * The settings of the database. Only its checkpoint outlives the process, so that it needs no durability of its own.
 * The journal is in memory, so that a failed batch can be undone.
 */
const SETTINGS = `
  PRAGMA journal_mode = MEMORY;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -16000;
  PRAGMA hard_heap_limit = ${HEAP_LIMIT_BYTES};
`;

/** The longest topic that is indexed; longer text is not a topic. */
const MAX_TOPIC_CHARS = 256;
/** The number of threads whose numbers are cached; a full cache is cleared. */
const MAX_KNOWN_THREADS = 65_536;
/** The maximum length of the text in one query's rows. */
const MAX_RESULT_CHARS = 16 * 1024 * 1024;

/** The index's tables in memory. */
export class IndexDatabase {
  readonly #db: Database;
  readonly #lines: LogLines;
  readonly #insertEntry: Statement;
  readonly #insertThread: Statement;
  readonly #selectThread: Statement;
  readonly #insertTerm: Statement;
  readonly #threads = new Map<string, number>();
  readonly #terms = new Map<string, number>();
  #tail: Tail | undefined;

  private constructor(db: Database, lines: LogLines) {
    this.#db = db;
    this.#lines = lines;
    this.#db.create_function('log_id', (segment: number, offset: number, length: number) =>
      this.#record({ segment, offset, length }, 'id'),
    );
    this.#db.create_function('log_body', (segment: number, offset: number, length: number) =>
      this.#record({ segment, offset, length }, 'body'),
    );
    this.#insertEntry = db.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#insertThread = db.prepare('INSERT INTO thread_name VALUES (?, ?)');
    this.#selectThread = db.prepare('SELECT first FROM thread_name WHERE name = ?');
    this.#insertTerm = db.prepare('INSERT INTO term VALUES (?, ?)');
    const selectPlace = db.prepare('SELECT segment, offset, length FROM entry WHERE position = ?');
    this.#db.create_function('body', (position: SqlValue) => {
      const [segment, offset, length] = selectPlace.get([position]);
      selectPlace.reset();
      if (length === undefined) return null;
      return this.#record(
        { segment: Number(segment), offset: Number(offset), length: Number(length) },
        'body',
      );
    });
    for (const [id, text] of this.#rows('SELECT id, text FROM term'))
      this.#terms.set(String(text), Number(id));
    this.#tail = this.#readTail();
  }

  /** Makes an empty index. */
  static create(sql: SqlJsStatic, lines: LogLines): IndexDatabase {
    const db = new sql.Database();
    db.run(SETTINGS);
    db.run(TABLES);
    return new IndexDatabase(db, lines);
  }

  /** Restores an index from the bytes of `export`; undefined when they are not one of this version. */
  static restore(sql: SqlJsStatic, bytes: Uint8Array, lines: LogLines): IndexDatabase | undefined {
    const db = new sql.Database(bytes);
    try {
      db.run(SETTINGS);
      const version = db.exec('PRAGMA user_version')[0]?.values[0]?.[0];
      if (version === SCHEMA_VERSION) return new IndexDatabase(db, lines);
    } catch {
      // It is no database, or has other tables. The log has all data to build it again.
    }
    db.close();
    return undefined;
  }

  /** All records before this position are indexed. */
  get position(): Position {
    return this.#tail === undefined ? 0 : this.#tail.position + 1;
  }

  get tail(): Tail | undefined {
    return this.#tail;
  }

  /** Adds the records that follow, all or none. After an error the index must not be used. */
  insert(records: readonly LocatedRecord[]): void {
    const last = records.at(-1);
    if (last === undefined) return;
    this.#db.run('BEGIN');
    for (const record of records) this.#insert(record);
    const { position, segment, frame, offset, length } = last;
    const { id } = last.record.record;
    this.#db.run('INSERT OR REPLACE INTO tail VALUES (0, ?, ?, ?, ?, ?, ?)', [
      position,
      id,
      segment,
      frame,
      offset,
      length,
    ]);
    this.#db.run('COMMIT');
    this.#tail = { position, id, segment, frame, offset, length };
  }

  /** Returns ascending positions. */
  positions({ thread, actor, act, after, limit }: PositionsFilter): Float64Array {
    const conditions = ['position > ?'];
    const values: number[] = [after ?? -1];
    for (const [column, number] of [
      ['thread', thread === undefined ? undefined : this.#findThread(thread)],
      ['actor', actor === undefined ? undefined : this.#findTerm(actor)],
      ['act', act === undefined ? undefined : this.#findTerm(act)],
    ] as const) {
      if (number === undefined) continue;
      conditions.push(`${column} = ?`);
      values.push(number);
    }
    const where = conditions.join(' AND ');
    const rows = this.#rows(`SELECT position FROM entry WHERE ${where} ORDER BY position LIMIT ?`, [
      ...values,
      limit,
    ]);
    return Float64Array.from(rows, ([position]) => Number(position));
  }

  /** Returns threads in order of appearance. */
  threads({ after, prefix, limit }: ThreadsFilter): Answers['threads'] {
    // No character sorts after this one, so that the range has exactly the names with the prefix.
    const range = prefix === undefined ? [] : [prefix, `${prefix}\u{10ffff}`];
    const inRange = prefix === undefined ? 'TRUE' : 'name >= ? AND name < ?';
    const [total] = this.#rows(`SELECT count(*) FROM thread_name WHERE ${inRange}`, range);
    const rows = this.#rows(
      `SELECT name, first,
              (SELECT count(*) FROM entry WHERE thread = first),
              (SELECT at FROM entry WHERE position = first),
              (SELECT at FROM entry WHERE position = (SELECT max(position) FROM entry WHERE thread = first))
         FROM thread_name WHERE ${inRange} AND first > ? ORDER BY first LIMIT ?`,
      [...range, after ?? -1, limit],
    );
    const threads = Array.from(rows, ([name, first, records, firstAt, lastAt]) => ({
      thread: String(name),
      records: Number(records),
      firstPosition: Number(first),
      firstAt: Number(firstAt),
      lastAt: Number(lastAt),
    }));
    return { threads, total: Number(total?.[0] ?? 0) };
  }

  /** Runs a query of a user. @throws INVALID_RECORD when it is refused or fails. */
  query(sql: string, limit: number): Answers['query'] {
    const statement = readOnlyStatement(this.#db, sql);
    this.#db.run('PRAGMA query_only = ON');
    try {
      return this.#collect(statement, limit);
    } catch (cause) {
      throw refused(`the query failed: ${messageOf(cause)}`, cause);
    } finally {
      this.#db.run('PRAGMA query_only = OFF');
    }
  }

  /** Returns the tables as bytes, for `restore`. */
  export(): Uint8Array {
    return this.#db.export();
  }

  close(): void {
    this.#db.close();
  }

  #insert({ record: { record }, position, at, segment, offset, length }: LocatedRecord): void {
    const { thread, actor, act, clock, body } = record;
    const topic = body['topic'];
    const hasTopic = typeof topic === 'string' && topic.length <= MAX_TOPIC_CHARS;
    this.#insertEntry.run([
      position,
      this.#threadNumber(thread, position),
      this.#termNumber(actor),
      this.#termNumber(act),
      hasTopic ? this.#termNumber(topic) : null,
      clock,
      at,
      segment,
      offset,
      length,
    ]);
  }

  /** Returns the thread's number, which is `position` for a new thread. */
  #threadNumber(name: string, position: Position): number {
    const known = this.#threads.get(name);
    if (known !== undefined) return known;
    const first = this.#lookUpThread(name) ?? position;
    if (first === position) this.#insertThread.run([position, name]);
    if (this.#threads.size >= MAX_KNOWN_THREADS) this.#threads.clear();
    this.#threads.set(name, first);
    return first;
  }

  #lookUpThread(name: string): number | undefined {
    const [first] = this.#selectThread.get([name]);
    this.#selectThread.reset();
    return first === undefined ? undefined : Number(first);
  }

  #termNumber(text: string): number {
    const known = this.#terms.get(text);
    if (known !== undefined) return known;
    const number = this.#terms.size;
    this.#insertTerm.run([number, text]);
    this.#terms.set(text, number);
    return number;
  }

  /** Returns a thread's number; -1, which no thread has, for a name that is not in the log. */
  #findThread = (name: string): number => this.#threads.get(name) ?? this.#lookUpThread(name) ?? -1;
  #findTerm = (text: string): number => this.#terms.get(text) ?? -1;

  #record(place: Place, part: 'id' | 'body'): string {
    const record = this.#lines.read(place);
    return part === 'id' ? record.id : JSON.stringify(record.body);
  }

  #collect(sql: string, limit: number): Answers['query'] {
    const statement = this.#db.prepare(sql);
    try {
      const rows: (string | number | null)[][] = [];
      let chars = 0;
      while (statement.step()) {
        const row = rows.length < limit ? statement.get().map(plain) : undefined;
        for (const value of row ?? []) if (typeof value === 'string') chars += value.length;
        if (row === undefined || chars > MAX_RESULT_CHARS) {
          if (rows.length === 0) throw new Error(`a row has more than ${MAX_RESULT_CHARS} characters`);
          return { columns: statement.getColumnNames(), rows, truncated: true };
        }
        rows.push(row);
      }
      return { columns: statement.getColumnNames(), rows, truncated: false };
    } finally {
      statement.free();
    }
  }

  *#rows(sql: string, values: SqlValue[] = []): Generator<SqlValue[]> {
    const statement = this.#db.prepare(sql);
    try {
      statement.bind(values);
      while (statement.step()) yield statement.get();
    } finally {
      statement.free();
    }
  }

  #readTail(): Tail | undefined {
    for (const [position, id, segment, frame, offset, length] of this.#rows(
      'SELECT position, id, segment, frame, offset, length FROM tail',
    )) {
      return {
        position: Number(position),
        id: String(id),
        segment: Number(segment),
        frame: Number(frame),
        offset: Number(offset),
        length: Number(length),
      };
    }
    return undefined;
  }
}

/** Converts a value to JSON: bytes become hex digits. */
function plain(value: SqlValue): string | number | null {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
