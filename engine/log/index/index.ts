import * as v from 'valibot';
import { FleetError } from '../../errors.ts';
import type { Position } from '../log.ts';
import {
  answerSchemas,
  type Answers,
  type PositionsFilter,
  type RequestKind,
  type ThreadsFilter,
} from './protocol.ts';
import { ThreadHost, type Question } from './thread-host.ts';

export { schemaText } from './schema.ts';

export interface IndexOptions {
  /** The home's `log/` folder. */
  readonly logDir: string;
  /** Where the checkpoint is kept, in the home's `index/` folder. */
  readonly file: string;
  /** The thread's program: `thread.ts`, or the bundle that was made of it. */
  readonly workerFile: string | URL;
  /** The log that is indexed; its `end` is read at each question. */
  readonly log: { readonly end: Position };
  /** How many new rows make a checkpoint worth its writing. Default: 50,000. */
  readonly checkpointRows?: number;
  /** How long a query may run, in milliseconds. Default: 10,000. */
  readonly queryTimeoutMs?: number;
}

export type { PositionsFilter, ThreadsFilter } from './protocol.ts';
export type ThreadRow = Answers['threads']['threads'][number];
export type QueryResult = Answers['query'];

/**
 * Searches the log. Every answer takes all records into account that are durable at the call; the first one after
 * a long while takes as long as reading what is new. Questions are answered one after the other.
 *
 * All methods throw UNAVAILABLE when the index is closed, cannot be loaded, or too many wait; LOG_DAMAGED and
 * LOG_SHORT as the log's reader does; and the signal's reason when it aborts.
 */
export interface RecordIndex {
  /** Brings the index up to the log's end, so that the next question has less to wait for. */
  catchUp(signal?: AbortSignal): Promise<void>;
  /** The positions of the records that match, ascending. */
  positions(filter: PositionsFilter, signal?: AbortSignal): Promise<Position[]>;
  /** Threads in order of appearance, and how many there are (with the prefix, where one is given). */
  threads(filter: ThreadsFilter, signal?: AbortSignal): Promise<{ threads: ThreadRow[]; total: number }>;
  /**
   * One statement of SQL that reads; `schemaText` says what there is. Blobs come as hex digits.
   * @param limit the most rows; `truncated` says that there were more, or that they grew too large.
   * @throws INVALID_RECORD when the statement is refused or fails, TIMED_OUT when it runs too long.
   */
  query(sql: string, limit: number, signal?: AbortSignal): Promise<QueryResult>;
  /** Saves the index and ends the thread; what is still being asked is refused. Idempotent. */
  close(): Promise<void>;
}

/** Opens the index. Nothing is loaded, and no thread runs, until the first question. */
export function openIndex(options: IndexOptions): RecordIndex {
  return new ThreadedIndex(options);
}

const MAX_WAITING = 1000;

class ThreadedIndex implements RecordIndex {
  readonly #log: { readonly end: Position };
  readonly #thread: ThreadHost;
  readonly #queryTimeoutMs: number;
  /** Settled when everything that was asked so far has been answered. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed: Promise<void> | undefined;

  constructor({
    log,
    logDir,
    file,
    workerFile,
    checkpointRows = 50_000,
    queryTimeoutMs = 10_000,
  }: IndexOptions) {
    this.#log = log;
    this.#thread = new ThreadHost(workerFile, { logDir, file, checkpointRows });
    this.#queryTimeoutMs = queryTimeoutMs;
  }

  async catchUp(signal?: AbortSignal): Promise<void> {
    await this.#ask('catch-up', { kind: 'catch-up', end: this.#log.end }, signal);
  }

  async positions(filter: PositionsFilter, signal?: AbortSignal): Promise<Position[]> {
    return Array.from(
      await this.#ask('positions', { kind: 'positions', end: this.#log.end, filter }, signal),
    );
  }

  threads(filter: ThreadsFilter, signal?: AbortSignal): Promise<Answers['threads']> {
    return this.#ask('threads', { kind: 'threads', end: this.#log.end, filter }, signal);
  }

  query(sql: string, limit: number, signal?: AbortSignal): Promise<QueryResult> {
    return this.#ask('query', { kind: 'query', end: this.#log.end, sql, limit }, signal);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // What runs could run for long; a checkpoint that is not written costs only some reading at the next start.
    if (this.#thread.isBusy) await this.#thread.kill(closed());
    await this.#turn;
    if (!this.#thread.isRunning) return;
    await this.#thread.ask({ kind: 'close' }).catch(() => undefined);
    await this.#thread.kill(closed());
  }

  async #ask<K extends RequestKind>(kind: K, question: Question, signal?: AbortSignal): Promise<Answers[K]> {
    signal?.throwIfAborted();
    if (this.#waiting >= MAX_WAITING) {
      throw new FleetError('UNAVAILABLE', `more than ${MAX_WAITING} questions wait for the index`);
    }
    this.#waiting++;
    const answered = this.#turn.then(() => this.#run(question, signal)).finally(() => this.#waiting--);
    this.#turn = answered.catch(() => undefined);
    const schema: v.GenericSchema<unknown, Answers[K]> = answerSchemas[kind];
    return v.parse(schema, await orAborted(answered, signal));
  }

  async #run(question: Question, signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw closed();
    if (question.kind !== 'query') return this.#thread.ask(question);
    let timer: NodeJS.Timeout | undefined;
    // The time that the index needs to catch up is not the query's.
    const start = (): void => {
      timer = setTimeout(() => void this.#thread.kill(this.#tooLong()), this.#queryTimeoutMs);
    };
    return this.#thread.ask(question, start).finally(() => clearTimeout(timer));
  }

  #tooLong(): FleetError {
    const secs = this.#queryTimeoutMs / 1000;
    return new FleetError('TIMED_OUT', `the query was ended after ${secs} s`, {
      details: { timeout_secs: secs },
      hint: 'Narrow it by thread or position, and look into bodies last.',
    });
  }
}

const closed = (): FleetError => new FleetError('UNAVAILABLE', 'the index is closed');

/** As `promise`, unless the signal aborts first. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
