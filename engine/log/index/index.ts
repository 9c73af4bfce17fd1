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
import { Turns } from './turns.ts';

export { schemaText } from './schema.ts';

export interface IndexOptions {
  /** The home's `log/` folder. */
  readonly logDir: string;
  /** The path of the checkpoint, in the home's `index/` folder. */
  readonly file: string;
  /** The thread's program: `thread.ts`, or its bundle. */
  readonly workerFile: string | URL;
  /** The indexed log; its `end` is read at each question. */
  readonly log: { readonly end: Position };
  /** The number of new rows after which a checkpoint is written. Default: 50,000. */
  readonly checkpointRows?: number;
  /** The time limit of a query, in milliseconds. Default: 10,000. */
  readonly queryTimeoutMs?: number;
  /** The time limit of a job while others wait, except the owner's, in milliseconds. Default: 2,000. */
  readonly queryTurnMs?: number;
  /** True to write no checkpoint. */
  readonly readOnly?: boolean;
}

/** The author of a question. */
export interface Asker {
  /** The holder that the question counts for; default: the home's owner. */
  readonly holder?: string;
  /** Aborts when the answer is no longer needed. */
  readonly signal?: AbortSignal;
}

export type { PositionsFilter, ThreadsFilter } from './protocol.ts';
export type ThreadRow = Answers['threads']['threads'][number];
export type QueryResult = Answers['query'];

/**
 * Searches the log. Every answer includes all records that are durable at the call; the first one after a long time
 * also has to read the new records. Questions are answered one after the other, and holders take turns.
 *
 * All methods throw UNAVAILABLE when the index is closed, can't be loaded, or too many questions wait; LOG_DAMAGED
 * and LOG_SHORT as the log's reader does; and the signal's reason when it aborts.
 */
export interface RecordIndex {
  /** Indexes the log up to its end, so that the next question waits less. */
  catchUp(signal?: AbortSignal): Promise<void>;
  /** Returns the positions of matching records, ascending. */
  positions(filter: PositionsFilter, asker?: Asker): Promise<Position[]>;
  /** Returns threads in order of appearance, and their total number (with the prefix, if one is given). */
  threads(filter: ThreadsFilter, asker?: Asker): Promise<{ threads: ThreadRow[]; total: number }>;
  /**
   * Runs one SQL statement that reads; `schemaText` describes the tables. Blobs are returned as hex digits.
   * @param limit the maximum number of rows; `truncated` reports more rows, or rows that are too large
   * @throws INVALID_RECORD when the statement is refused or fails, TIMED_OUT when it runs too long: after ten seconds,
   * and after two while others wait, except the owner's. The query ends when its asker's signal aborts.
   */
  query(sql: string, limit: number, asker?: Asker): Promise<QueryResult>;
  /** Saves the index, unless it is read-only, and ends the thread; open questions are refused. Idempotent. */
  close(): Promise<void>;
}

/** Opens the index. Nothing is loaded, and no thread runs, until the first question. */
export function openIndex(options: IndexOptions): RecordIndex {
  return new ThreadedIndex(options);
}

const MAX_WAITING = 1000;
const OWNER = '';
/** The time limit of a query while others wait, except the owner's, in milliseconds. */
const QUERY_TURN_MS = 2_000;

class ThreadedIndex implements RecordIndex {
  readonly #log: { readonly end: Position };
  readonly #thread: ThreadHost;
  readonly #queryTimeoutMs: number;
  readonly #queryTurnMs: number;
  readonly #isReadOnly: boolean;
  readonly #turns = new Turns(MAX_WAITING);
  #closed: Promise<void> | undefined;

  constructor({
    log,
    logDir,
    file,
    workerFile,
    readOnly = false,
    checkpointRows = readOnly ? Number.MAX_SAFE_INTEGER : 50_000,
    queryTimeoutMs = 10_000,
    queryTurnMs = QUERY_TURN_MS,
  }: IndexOptions) {
    this.#log = log;
    this.#thread = new ThreadHost(workerFile, { logDir, file, checkpointRows });
    this.#queryTimeoutMs = queryTimeoutMs;
    this.#queryTurnMs = queryTurnMs;
    this.#isReadOnly = readOnly;
  }

  async catchUp(signal?: AbortSignal): Promise<void> {
    await this.#ask(
      'catch-up',
      { kind: 'catch-up', end: this.#log.end },
      signal === undefined ? {} : { signal },
    );
  }

  async positions(filter: PositionsFilter, asker: Asker = {}): Promise<Position[]> {
    return Array.from(await this.#ask('positions', { kind: 'positions', end: this.#log.end, filter }, asker));
  }

  threads(filter: ThreadsFilter, asker: Asker = {}): Promise<Answers['threads']> {
    return this.#ask('threads', { kind: 'threads', end: this.#log.end, filter }, asker);
  }

  query(sql: string, limit: number, asker: Asker = {}): Promise<QueryResult> {
    return this.#ask('query', { kind: 'query', end: this.#log.end, sql, limit }, asker);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // The running question may take long; a missing checkpoint only costs reading at the next start.
    if (this.#thread.isBusy) await this.#thread.kill(closed());
    await this.#turns.idle();
    if (!this.#thread.isRunning) return;
    if (!this.#isReadOnly) await this.#thread.ask({ kind: 'close' }).catch(() => undefined);
    await this.#thread.kill(closed());
  }

  async #ask<K extends RequestKind>(kind: K, question: Question, asker: Asker): Promise<Answers[K]> {
    const { holder = OWNER, signal } = asker;
    signal?.throwIfAborted();
    const answered = this.#turns.take(holder, () => this.#run(question, holder, signal), signal);
    const schema: v.GenericSchema<unknown, Answers[K]> = answerSchemas[kind];
    return v.parse(schema, await orAborted(answered, signal));
  }

  async #run(question: Question, holder: string, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#closed !== undefined) throw closed();
    if (question.kind !== 'query') return this.#thread.ask(question);
    const end = (reason: FleetError): void => void this.#thread.kill(reason);
    const leave = (): void => end(new FleetError('UNAVAILABLE', 'the client disconnected'));
    const timers: NodeJS.Timeout[] = [];
    // The time of indexing does not count as the query's.
    const start = (): void => {
      if (signal?.aborted === true) return leave();
      timers.push(setTimeout(() => end(tooLong(this.#queryTimeoutMs, '')), this.#queryTimeoutMs));
      if (holder !== OWNER) timers.push(setTimeout(() => this.#giveWay(holder, end), this.#queryTurnMs));
      signal?.addEventListener('abort', leave, { once: true });
    };
    return this.#thread.ask(question, start).finally(() => {
      for (const timer of timers) clearTimeout(timer);
      this.#turns.onWaiting = () => undefined;
      signal?.removeEventListener('abort', leave);
    });
  }

  /** Ends a query as soon as another holder waits. */
  #giveWay(holder: string, end: (reason: FleetError) => void): void {
    const reason = tooLong(this.#queryTurnMs, ' because other queries wait');
    if (this.#turns.othersWait(holder)) return end(reason);
    this.#turns.onWaiting = other => {
      if (other !== holder) end(reason);
    };
  }
}

function tooLong(afterMs: number, why: string): FleetError {
  const secs = afterMs / 1000;
  return new FleetError('TIMED_OUT', `the query was ended after ${secs} s${why}`, {
    details: { timeout_secs: secs },
    hint: 'Filter by thread or position first, and by body last.',
  });
}

const closed = (): FleetError => new FleetError('UNAVAILABLE', 'the index is closed');

/** Rejects when the signal aborts before `promise` settles. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
