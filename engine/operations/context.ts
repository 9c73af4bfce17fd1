import type {
  FanOutRequest,
  FleetStart,
  FleetStop,
  RecordsRestore,
  WorktreeRemove,
} from '../contract/commands.ts';
import type * as d from '../contract/documents.ts';
import type { CallContext } from '../contract/engine.ts';
import type { TokenCreate, TokenCreated, TokenDocument, TokensDocument } from '../contract/tokens.ts';
import type { Coordinator } from '../domain/coordinator/coordinator.ts';
import type * as domain from '../domain/operations.ts';
import type { FanOutContext } from '../domain/commands/fan-out.ts';
import type { Issuer } from '../domain/model/idempotency-keys.ts';
import type { CelCompiler } from '../domain/model/predicate.ts';
import type { Task } from '../domain/model/state.ts';
import type { CompleteSubtask } from '../subtask/subtask.ts';
import type { FleetFacts } from '../domain/views/views.ts';
import type { Log, Position } from '../log/log.ts';
import type { Did, ThreadId } from '../record/ids.ts';

/** The ports of the coordinator, as handlers of operations receive them. */

/** The functions of the rules. */
export type Domain = typeof domain;

/** The tokens of the home besides its own. */
export interface TokenStore {
  /** @param key the caller's idempotency key: it gives the token its id. @throws CONFLICT */
  create(input: TokenCreate, by: Did, key?: string): Promise<TokenCreated>;
  list(): TokensDocument;
  /** @throws NOT_FOUND */
  revoke(id: string): Promise<TokenDocument>;
}

/** One thread with the index's counts. */
export interface ThreadRow {
  readonly thread: string;
  readonly records: number;
  readonly firstPosition: Position;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Searches the log. Every answer includes all records that are durable at the time of the call. */
export interface RecordSearch {
  /** Returns positions after `after`, ascending, at most `limit`. */
  positions(filter: {
    thread?: string;
    actor?: string;
    act?: string;
    after?: number;
    limit: number;
  }): Promise<Position[]>;
  threads(options: {
    limit: number;
    after?: number;
    prefix?: string;
  }): Promise<{ threads: ThreadRow[]; total: number }>;
  query(sql: string, limit: number): Promise<d.QueryDocument>;
}

/** The ports of both kinds of handlers. */
interface Ports {
  readonly domain: Domain;
  readonly coordinator: Coordinator;
  readonly cel: CelCompiler;
  readonly tokens: TokenStore;
}

/** The context of a report. */
export interface ReportContext extends Ports {
  readonly facts: FleetFacts;
  /** The folder of the home. */
  readonly home: string;
  readonly log: Pick<Log, 'end' | 'find' | 'get' | 'signatureAt'>;
  readonly records: RecordSearch;
  readonly now: number;
  readonly worktrees: { readonly list: () => Promise<d.WorktreesDocument> };
  /** Requests an instance's health over HTTP without a token, and returns the HTTP status. */
  readonly healthOf: (endpoint: string) => Promise<number>;
}

/** The context of a command: its caller, and the ways to carry it out. */
export interface CommandContext extends Ports {
  readonly caller: CallContext;
  /** Runs one step of the rules whose own record stores the idempotency key. */
  readonly recorded: <T>(decide: (issuer: Issuer) => T) => Promise<T>;
  /** Runs one step of the rules whose records store no key. A separate record stores the key and the answer. */
  readonly noted: <T>(decide: (issuer: Issuer) => T) => Promise<T>;
  /**
   * Runs work of more than one step. The answer is stored when the work is done; a command repeated in the meantime
   * waits for the first.
   * @param kept returns the part of the answer that may be stored. Default: all of it; pass it when the answer contains
   * a secret.
   */
  readonly once: <T>(work: () => Promise<T>, kept?: (answer: T) => unknown) => Promise<T>;
  readonly work: WorkPort;
  readonly records: RecordIntake;
  readonly fleet: FleetPort;
  readonly worktrees: { remove(input: WorktreeRemove): Promise<d.WorktreeRemoved> };
  readonly newThread: () => ThreadId;
  readonly info: (message: string) => void;
}

/** Submits work, which runs in the environment of its caller. */
export interface WorkPort {
  /** Returns the settings of the fleet that complete a fan-out. */
  readonly context: () => FanOutContext;
  /** Runs one step of the rules that starts work in the caller's environment. */
  submit<T extends { readonly thread: string }>(decide: (issuer: Issuer) => T): Promise<T>;
  /**
   * Checks once what all attempts of a fan-out need.
   * @returns notes for the caller: repositories that git does not trust, programs missing in the caller's environment,
   * and a join that is already decided
   */
  notesOn(fanOut: Pick<FanOutRequest, 'dir' | 'join' | 'subtasks'>): Promise<readonly string[]>;
  /** Checks the repositories of subtasks that run again. */
  requireReady(task: string, subtasksOf: (task: Task) => readonly CompleteSubtask[]): Promise<void>;
}

/** Accepts records that were made elsewhere. Each method decodes first, and returns the step to run. */
export interface RecordIntake {
  /** @throws INVALID_RECORD, TOO_LARGE naming the record's place in the list */
  append(records: readonly unknown[]): Promise<(issuer: Issuer) => { stored: d.StoredDocument[] }>;
  /** @throws INVALID_RECORD, TOO_LARGE naming the record's place in the list */
  restore(input: RecordsRestore): Promise<(issuer: Issuer) => d.RestoredDocument>;
}

/** The processes of the fleet. */
export interface FleetPort {
  start(input: FleetStart, signal: AbortSignal | undefined): Promise<d.FleetStarted>;
  stop(input: FleetStop): Promise<d.FleetStopped>;
  restart(instance: string): Promise<d.InstanceDocument>;
}
