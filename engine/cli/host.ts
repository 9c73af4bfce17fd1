import type { FleetStopped } from '../contract/documents.ts';
import type { CallContext, JoinFault } from '../contract/engine.ts';
import type { Engine } from '../operations/engine.ts';
import type { Plan, PlanKnown } from '../plan/plan.ts';
import type { Colours } from './render/colours.ts';

/** Thrown when the reader of an output has closed it, as `head` does. A command that only prints then ends without a failure. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** A stream that a command writes to. */
export interface Output {
  /** Writes text unchanged; callers end their lines. Does nothing once the reader is gone. */
  write(text: string | Uint8Array): void;
  /**
   * Waits until the reader has taken everything. Long outputs call it between their parts.
   * @throws ReaderGone
   */
  flush(): Promise<void>;
  readonly isTTY: boolean;
  /** The width of the terminal, in characters. */
  readonly columns: number;
  /** The height of the terminal, in lines. */
  readonly rows: number;
  readonly colours: Colours;
}

/** The callbacks of a command that controls the terminal. */
export interface TerminalUse {
  /** Called for each pressed key, including Ctrl-C. */
  readonly onKey: (key: string) => void;
  /** Called when the size of the terminal has changed. */
  readonly onResize: () => void;
  /** Called last, however the use ends: by a return, a signal or a fault. */
  readonly onEnd: () => void;
}

/** The terminal that a command was typed at. */
export interface Terminal {
  /** Reports keys without echoing them. @returns an idempotent function that releases the terminal */
  take(use: TerminalUse): () => void;
}

/** The settings of every command: from flags, otherwise from the environment, otherwise null. */
export interface Settings {
  readonly json: boolean;
  /** The absolute path of the home. */
  readonly home: string;
  /** The coordinator's URL if one is given; null for the socket in the home. */
  readonly url: string | null;
  readonly token: string | null;
  /** Null for the environment's actor, otherwise the home's configured one, otherwise the user's own name. */
  readonly actor: string | null;
}

/** The part of an engine that the commands use. */
export type Client = Pick<Engine, 'submit' | 'report' | 'watch' | 'output' | 'close'>;

/** A connection to an engine, with the actor. */
export interface Connection {
  readonly engine: Client;
  readonly actor: CallContext['actor'];
}

export interface ServeOptions {
  readonly home: string;
  /** Null for the configured port, otherwise 9100. */
  readonly port: number | null;
  /** Starts one worker with the echo executor as well. */
  readonly echo: boolean;
  readonly foreground: boolean;
  /** The time after which the fleet ends once no fan-out is open, in seconds; null for never. */
  readonly lingerSecs: number | null;
}

export interface StandByOptions {
  readonly home: string;
  /** The time for which it keeps serving once no fan-out is open, in seconds. */
  readonly lingerSecs: number;
}

export interface EnsureOptions {
  readonly home: string;
  readonly port: number | null;
  readonly echo: boolean;
  /** As in `ServeOptions`, for a coordinator that this starts. */
  readonly lingerSecs: number | null;
  readonly signal: AbortSignal;
}

export interface StopOrphanedOptions {
  readonly home: string;
  /** With `all`, no process that waits for the home's lease takes over. */
  readonly scope: 'workers' | 'all';
  /** The alias or DID of the only instance to stop, or null. */
  readonly instance: string | null;
  readonly graceMs: number;
}

export interface AwaitGoneOptions {
  readonly home: string;
  readonly pid: number;
  readonly graceMs: number;
}

/** The process of a worker. */
export interface WorkerProcess {
  readonly alias: string;
  readonly pid: number;
}

/** Starts and ends coordinators. */
export interface Starter {
  /**
   * Ensures that a coordinator answers at the home's socket. Starts a process if none does.
   * @throws UNAVAILABLE if it does not answer within 30 s; the details have the last lines of its log
   */
  ensureCoordinator(options: EnsureOptions): Promise<{ readonly spawned: boolean; readonly pid: number }>;
  /** Runs a coordinator in this process until it is stopped. @returns the exit code */
  serve(options: ServeOptions): Promise<number>;
  /**
   * Waits in this process until the home has no coordinator, and serves it while one of its fan-outs is open.
   * @returns the exit code
   */
  standBy(options: StandByOptions): Promise<number>;
  /**
   * Waits until the process no longer serves the home. Ends a process of `spl serve` after `graceMs`. An editor's
   * process, which hosts the coordinator in addition to its own work, keeps running and is never signalled.
   * @returns false if it still serves
   */
  awaitGone(options: AwaitGoneOptions): Promise<boolean>;
  /**
   * Ends the workers left by a coordinator that is gone. @returns how each ended; empty if none ran
   * @throws WORKER_FAILED if one does not end
   */
  stopLeft(options: StopOrphanedOptions): Promise<FleetStopped['stopped']>;
  /** Returns the workers of a home that still run, also without its coordinator. */
  workersOf(home: string): Promise<readonly WorkerProcess[]>;
}

export type CheckLevel = 'PASS' | 'WARN' | 'FAIL';

export interface CheckResult {
  readonly level: CheckLevel;
  readonly detail: string;
  /** The hint, for WARN and FAIL. */
  readonly hint?: string;
}

/** One of the doctor's checks. An error of `run` is a FAIL. */
export interface Check {
  readonly name: string;
  run(settings: Settings, signal: AbortSignal): Promise<CheckResult>;
}

export interface Doctor {
  readonly checks: readonly Check[];
  /**
   * Opens a log that is shorter than its checkpoint, and gives up the missing records. @returns a description of the
   * loss
   */
  acceptLoss(home: string): Promise<string>;
}

/** Everything from outside that the commands need: the process, and the parts that they may not import. */
export interface Host {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** Null if standard input is not a terminal. */
  readonly terminal: Terminal | null;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /**
   * Calls back for the first signal that asks this process to end, with its exit code, in place of ending it. The next
   * one ends it at once, after `atOnce`. @returns a function that ends this
   */
  onEnding(act: (exitCode: number) => void, atOnce: () => void): () => void;
  readonly starter: Starter;
  readonly doctor: () => Promise<Doctor>;
  /** Returns the fault of a join predicate for a number of subtasks, or null. Needs no engine. */
  checkJoin(text: string, subtasks: number): Promise<JoinFault | null>;
  /** Reads a plan, with all its diagnostics. Needs no engine. */
  checkPlan(text: string, known: PlanKnown): Promise<Plan>;
  /**
   * Connects to an engine, or to the home if no fleet is running.
   * @param say prints a line for people
   * @throws UNREACHABLE if nothing answers; AUTH_REQUIRED if the token is wrong
   */
  connect(settings: Settings, say: (line: string) => void): Promise<Connection>;
}
