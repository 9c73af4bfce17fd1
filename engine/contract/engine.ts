import type { Did } from '../record/ids.ts';
import type { FleetRecord } from '../record/record.ts';
import type { SubtaskRef } from '../subtask/subtask-ref.ts';
import type {
  Cancel,
  FanOutOpen,
  FanOutRequest,
  FleetRestart,
  FleetStart,
  FleetStop,
  Kill,
  NamespaceCreate,
  RecordsRestore,
  RuleAdd,
  RuleTest,
  Retry,
  RunSerial,
  TaskAdd,
  TaskVerb,
  TaskVerbInput,
  Unkill,
  WorktreeRemove,
} from './commands.ts';
import type * as d from './documents.ts';
import type { TokenCreate, TokenCreated, TokenDocument, TokensDocument } from './tokens.ts';

/** The version of the engine and of everything that is built with it. */
export const VERSION = '0.1.0';
/** The version of the HTTP contract and of the link's frames; every answer carries it. */
export const PROTOCOL = 1;

/** The commands of an engine, and the answer to each when it is durable. */
export interface Commands {
  /** Appends records that a client made; already decoded JSON values, each checked as SPEC 1 says. */
  'records.append': {
    input: { readonly records: readonly unknown[] };
    output: { readonly stored: readonly d.StoredDocument[] };
  };
  /** Takes over records of another home: all that are given or, when one is refused, none. */
  'records.restore': { input: RecordsRestore; output: d.RestoredDocument };
  'task.add': { input: TaskAdd; output: d.TaskAdded };
  'fan-out.open': { input: FanOutOpen; output: d.FanOutOpened };
  'task.fan-out': { input: FanOutRequest & { readonly task: string }; output: d.FannedOut };
  'task.retry': { input: Retry & { readonly task: string }; output: d.JoinStatus };
  'task.cancel': { input: Cancel & { readonly task: string }; output: d.TaskDocument };
  'task.start': VerbCommand<'start'>;
  'task.done': VerbCommand<'done'>;
  'task.fail': VerbCommand<'fail'>;
  'task.approve': VerbCommand<'approve'>;
  'task.reject': VerbCommand<'reject'>;
  'task.block': VerbCommand<'block'>;
  'task.defer': VerbCommand<'defer'>;
  'task.reopen': VerbCommand<'reopen'>;
  'task.run-serial': { input: RunSerial & { readonly task: string }; output: d.FannedOut };
  'namespace.create': { input: NamespaceCreate; output: d.NamespaceDocument };
  'namespace.archive': { input: { readonly namespace: string }; output: d.NamespaceDocument };
  'namespace.delete': { input: { readonly namespace: string }; output: d.NamespaceDocument };
  'rule.add': { input: RuleAdd; output: d.RuleDocument };
  'rule.remove': { input: { readonly rule: string }; output: d.RuleDocument };
  'worktree.remove': { input: WorktreeRemove; output: d.WorktreeRemoved };
  kill: { input: Kill; output: d.ControlDocument };
  unkill: { input: Unkill; output: d.ControlDocument };
  'fleet.start': { input: FleetStart; output: d.FleetStarted };
  'fleet.stop': { input: FleetStop; output: d.FleetStopped };
  'fleet.restart': { input: FleetRestart; output: d.InstanceDocument };
  'token.create': { input: TokenCreate; output: TokenCreated };
  'token.revoke': { input: { readonly token: string }; output: TokenDocument };
}
export type CommandName = keyof Commands;

/** Somebody says how a task stands. */
interface VerbCommand<V extends TaskVerb> {
  input: TaskVerbInput<V> & { readonly task: string };
  output: d.TaskDocument;
}

/** The questions that an engine answers. None of these writes. */
export interface Reports {
  health: { input: object; output: d.HealthDocument };
  fleet: { input: object; output: d.FleetDocument };
  /** The fleet with what runs on it and the fan-outs that are not over. */
  live: { input: object; output: d.LiveDocument };
  instance: { input: { readonly instance: string }; output: d.InstanceDocument };
  ping: { input: { readonly instance: string }; output: d.PingDocument };
  /** Oldest first; `limit` leaves out all but the newest, `namespace` all that is neither in it nor below it. */
  tasks: {
    input: { readonly all: boolean; readonly limit?: number; readonly namespace?: string };
    output: d.TasksDocument;
  };
  task: { input: { readonly task: string }; output: d.TaskDocument };
  /** `summary` leaves the children out. */
  join: { input: { readonly task: string; readonly summary: boolean }; output: d.JoinStatus };
  /**
   * A page of a fan-out's children: at most `limit` (1 to 500) from the index `offset` on. With `indices` (at most 500)
   * these instead, in that order.
   */
  children: {
    input: {
      readonly task: string;
      readonly offset: number;
      readonly limit: number;
      readonly indices?: readonly number[];
    };
    output: d.ChildrenDocument;
  };
  speedup: { input: { readonly task: string; readonly vsSerial: string | null }; output: d.SpeedupDocument };
  /**
   * `all` also tells of those that were deleted. With `parent`, only those right below it, of which at most `limit`
   * (1 to 10,000) from the one numbered `offset` on.
   */
  namespaces: {
    input: {
      readonly all?: boolean;
      readonly parent?: string;
      readonly offset?: number;
      readonly limit?: number;
    };
    output: d.NamespacesDocument;
  };
  worktrees: { input: object; output: d.WorktreesDocument };
  namespace: { input: { readonly namespace: string }; output: d.NamespaceShown };
  'namespace.effective': { input: { readonly namespace: string }; output: d.EffectivePolicy };
  rules: { input: object; output: d.RulesDocument };
  'rule.test': { input: RuleTest; output: d.RuleTested };
  record: { input: { readonly id: string }; output: d.RecordDocument };
  records: {
    input: {
      readonly thread?: string;
      readonly actor?: string;
      readonly act?: string;
      readonly limit: number;
      readonly after?: number;
    };
    output: d.RecordsDocument;
  };
  audit: {
    input: {
      readonly thread?: string;
      readonly actor?: string;
      /** In seconds since 1970: what was written from then on. */
      readonly since?: number;
      readonly limit: number;
      readonly after?: number;
    };
    output: d.AuditDocument;
  };
  threads: { input: { readonly limit: number; readonly after?: number }; output: d.ThreadsDocument };
  /** `thread` may be a task's alias or an unambiguous prefix, as everywhere a thread is asked for. */
  'thread.records': { input: { readonly thread: string }; output: d.ThreadRecords };
  'thread.state': { input: { readonly thread: string }; output: d.ThreadState };
  replay: { input: { readonly thread: string }; output: d.ReplayDocument };
  query: { input: { readonly sql: string; readonly limit: number }; output: d.QueryDocument };
  /** The tokens beside the home's own. */
  tokens: { input: object; output: TokensDocument };
}
/** The most children that one report of them tells of. */
export const MAX_CHILDREN = 500;
export type ReportName = keyof Reports;

/** The fault of a join predicate, and its place, in UTF-16 code units from 0. */
export interface JoinFault {
  readonly message: string;
  readonly position: number;
  readonly length: number;
}

/** The caller, and the bounds of the call. */
export interface CallContext {
  readonly actor: Did;
  /** A command repeated with the same key, by the same actor, is answered as the first was. */
  readonly idempotencyKey?: string;
  /** The environment of who submits work, in which it runs; only a process of this machine can give one. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An event, told after it is durable. */
export type EngineEvent =
  /** A record came into the log. `position` is what a watcher resumes after. */
  | { readonly kind: 'record'; readonly position: number; readonly at: number; readonly record: FleetRecord }
  /**
   * A task was made, or it, its join or these of its subtasks look different from before; one event for all that a step
   * changed. Why a pending subtask waits may change without one. Not replayed on resumption.
   */
  | {
      readonly kind: 'task';
      readonly thread: string;
      readonly children: readonly number[];
      readonly complete: boolean;
    }
  /** An instance came, went, or changed. Not replayed on resumption. */
  | { readonly kind: 'instance'; readonly did: string }
  /**
   * A namespace was made, changed, archived, deleted, frozen or let go, and what lies below it may look different as well:
   * `default` for the emergency stop. Not replayed on resumption.
   */
  | { readonly kind: 'namespace'; readonly id: string }
  /** A worker was heard of, which changed nothing. Told only to those that ask for this kind; not replayed. */
  | { readonly kind: 'heartbeat'; readonly did: string }
  /** The watcher was too slow, and events were left out: read the state anew. */
  | { readonly kind: 'gap' };

export interface WatchOptions {
  /** Only what concerns this thread. */
  readonly thread?: string;
  /** Only these kinds; `gap` always comes. Default: all but heartbeats. */
  readonly kinds?: readonly EngineEvent['kind'][];
  /** Begin with the records after this position; without it, with what happens from now on. */
  readonly after?: number;
  readonly signal: AbortSignal;
}

/** A subtask's output: what is told ahead, then the bytes, up to their end or, when followed, the attempt's. */
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

/**
 * The façade: one engine on one home. Everything that the CLI, HTTP and the editor can do goes through it.
 * Every method rejects with FleetError and nothing else.
 */
export interface Engine {
  readonly did: Did;
  /** Does something; fulfilled when it is durable. */
  submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: CallContext,
  ): Promise<Commands[N]['output']>;
  /** Tells what happens, until the signal aborts or the engine closes. Bounded: a slow watcher meets a `gap`. */
  watch(options: WatchOptions): AsyncIterable<EngineEvent>;
  /**
   * Answers a question about the present. What is dear is dropped when the signal aborts.
   * @param holder whose turn it takes where many ask; left out, the owner's.
   */
  report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
    holder?: string,
  ): Promise<Reports[N]['output']>;
  /** Returns the output of a subtask. */
  output(request: OutputRequest): Promise<OutputStream>;
  /** Lets go of everything; workers go on and are adopted by the next coordinator. Idempotent. */
  close(): Promise<void>;
}

/** The part of the façade that HTTP offers. */
export type ServedEngine = Pick<Engine, 'submit' | 'report' | 'watch' | 'output'>;
