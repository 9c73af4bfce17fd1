import type {
  CallContext,
  EngineEvent,
  OutputRequest,
  OutputStream,
  WatchOptions,
} from '../contract/engine.ts';
import type { Did } from '../record/ids.ts';
import type { CommandName, Commands, ReportName, Reports } from './index.ts';

/**
 * One engine on one home. The CLI, HTTP and the editor do everything through it. Every method rejects only with
 * FleetError.
 */
export interface Engine {
  readonly did: Did;
  /** Runs a command; resolves when its result is durable. */
  submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: CallContext,
  ): Promise<Commands[N]['output']>;
  /**
   * Yields events until the signal aborts or the engine closes. The queue is bounded: a slow watcher gets a `gap`
   * event.
   */
  watch(options: WatchOptions): AsyncIterable<EngineEvent>;
  /**
   * Answers a question about the present. An expensive report stops when the signal aborts.
   * @param holder the client whose turn the report takes when many ask; default: the owner
   */
  report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
    holder?: string,
  ): Promise<Reports[N]['output']>;
  /** Returns the output of a subtask. */
  output(request: OutputRequest): Promise<OutputStream>;
  /** Releases everything. Workers keep running, and the next coordinator adopts them. Idempotent. */
  close(): Promise<void>;
}

/** The part of the engine that HTTP offers. */
export type ServedEngine = Pick<Engine, 'submit' | 'report' | 'watch' | 'output'>;
