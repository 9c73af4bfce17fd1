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
