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
  /** Writes text as it is; callers end their lines. Does nothing once the reader is gone. */
  write(text: string | Uint8Array): void;
  /**
   * Waits until the reader has taken everything. Long outputs call it between their parts.
   * @throws ReaderGone
   */
  flush(): Promise<void>;
  readonly isTTY: boolean;
  /** The width to fill, in characters. */
  readonly columns: number;
  /** The height to fill, in lines. */
  readonly rows: number;
  readonly colours: Colours;
}

/** The callbacks of a command that has a terminal for itself. */
export interface TerminalUse {
  /** A key was pressed; Ctrl-C is one. */
  readonly onKey: (key: string) => void;
  /** The terminal has another size. */
  readonly onResize: () => void;
  /** Runs last, however the use ends: returned, or the process ended by a signal or a fault. */
  readonly onEnd: () => void;
}

/** The terminal that a command was typed at. */
export interface Terminal {
  /** Reports keys without echoing them. @returns a function that gives the terminal back; idempotent */
  take(use: TerminalUse): () => void;
}

/** The settings of every command, from flags, else from the environment, else null. */
export interface Settings {
  readonly json: boolean;
  /** An absolute path. */
  readonly home: string;
  /** The coordinator's URL when one is named; null means the socket in the home. */
  readonly url: string | null;
  readonly token: string | null;
  /** Null means the environment, else the home's configuration, else the user's own name. */
  readonly actor: string | null;
}

/** The part of an engine that the commands use. */
export type Client = Pick<Engine, 'submit' | 'report' | 'watch' | 'output' | 'close'>;

/** An engine to talk to, and in whose name. */
export interface Connection {
  readonly engine: Client;
  readonly actor: CallContext['actor'];
}

export interface ServeOptions {
  readonly home: string;
  /** Null means the configuration, else 9100. */
  readonly port: number | null;
  /** Starts one worker with the echo executor as well. */
  readonly echo: boolean;
  readonly foreground: boolean;
}

export interface StandByOptions {
  readonly home: string;
  /** The time that it keeps serving once no fan-out is open, in seconds. */
  readonly lingerSecs: number;
}

export interface EnsureOptions {
  readonly home: string;
  readonly port: number | null;
  readonly echo: boolean;
  readonly signal: AbortSignal;
}

export interface StopOrphanedOptions {
  readonly home: string;
  /** With `all`, nobody who waits for the home's lease takes over. */
  readonly scope: 'workers' | 'all';
  /** The alias or DID of the only one to stop, or null. */
  readonly instance: string | null;
  readonly graceMs: number;
}

export interface AwaitGoneOptions {
  readonly home: string;
  readonly pid: number;
  readonly graceMs: number;
}

/** Starts and ends coordinators. */
export interface Starter {
  /**
   * Ensures that a coordinator answers at the home's socket. Starts a process if none does.
   * @throws UNAVAILABLE when it did not come within 30 s, with the last lines of its log in the details.
   */
  ensureCoordinator(options: EnsureOptions): Promise<{ readonly spawned: boolean; readonly pid: number }>;
  /** Runs a coordinator in this process until it is stopped. @returns the exit code */
  serve(options: ServeOptions): Promise<number>;
  /**
   * Waits in this process until the home has no coordinator, and serves it while one of its fan-outs is open.
   * @returns the exit code.
   */
  standBy(options: StandByOptions): Promise<number>;
  /**
   * Waits until the process no longer serves the home. A process of `spl serve` is ended after `graceMs`. The process of an
   * editor, which hosts the coordinator among other things, keeps running and is never signalled.
   * @returns false if it still serves
   */
  awaitGone(options: AwaitGoneOptions): Promise<boolean>;
  /**
   * Ends the workers that a coordinator which is gone has left behind. @returns how each ended; empty when none ran.
   * @throws WORKER_FAILED when one does not end.
   */
  stopLeft(options: StopOrphanedOptions): Promise<FleetStopped['stopped']>;
}

export type CheckLevel = 'PASS' | 'WARN' | 'FAIL';

export interface CheckResult {
  readonly level: CheckLevel;
  readonly detail: string;
  /** The way out, for WARN and FAIL. */
  readonly hint?: string;
}

/** One of the doctor's checks. `run` may throw: that is a FAIL. */
export interface Check {
  readonly name: string;
  run(settings: Settings, signal: AbortSignal): Promise<CheckResult>;
}

export interface Doctor {
  readonly checks: readonly Check[];
  /** Opens a log that is shorter than its checkpoint, and gives up the missing records. @returns the loss, in words */
  acceptLoss(home: string): Promise<string>;
}

/** Everything that the commands need from outside: the process, and the parts that they may not import. */
export interface Host {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** Null if standard input is not a terminal. */
  readonly terminal: Terminal | null;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  readonly starter: Starter;
  readonly doctor: () => Promise<Doctor>;
  /** Returns the fault of a join predicate for a number of subtasks, or null. Needs no engine. */
  checkJoin(text: string, subtasks: number): Promise<JoinFault | null>;
  /** Reads a plan, with all its diagnostics. Needs no engine. */
  checkPlan(text: string, known: PlanKnown): Promise<Plan>;
  /** @throws UNREACHABLE when nothing answers, AUTH_REQUIRED when the token is wrong. */
  connect(settings: Settings): Promise<Connection>;
}
