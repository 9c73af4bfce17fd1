import type { JsonObject } from '../../record/canonical.ts';
import type { Verdict } from '../../contract/documents.ts';
import type { DeliveredSubtask } from '../../subtask/subtask.ts';
import type { UsedAttempt, Work } from '../../domain/model/record-bodies.ts';

/** One execution of a subtask, as its executor sees it: the delivered subtask, and this attempt. */
export interface AttemptSpec extends Omit<DeliveredSubtask, 'env' | 'timeout_secs'> {
  /** Unique among the attempts of all fleets. */
  readonly id: string;
  /** The subtask's own thread. */
  readonly thread: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly index: number;
  /** The alias of its task. */
  readonly task: string;
  /** Null for none. */
  readonly timeoutMs: number | null;
  /** The hint of a person at the retry, or null. */
  readonly hint: string | null;
  /** The results of the subtasks that it depends on, for executors that can use them. */
  readonly depends: readonly Dependency[];
  /** The results that values of `env` refer to, as text, by `resultName`. */
  readonly results: Readonly<Record<string, string>>;
  /** The conversation of an earlier attempt to continue, or null. */
  readonly session: string | null;
  /** The branch with the changes of the last attempt, if this one starts without them. */
  readonly earlierBranch: string | null;
  /** The variables of its commands, beside inherited ones and those that name the attempt. */
  readonly env: Readonly<Record<string, string>>;
  /** The environment that its commands inherit: the submitter's. Null: the worker's own. */
  readonly environment: Readonly<Record<string, string>> | null;
}

/** The result of a subtask that an attempt depends on. */
export interface Dependency {
  readonly index: number;
  readonly name: string | null;
  readonly summary: string;
  /** The branch with its changes; null when it ran in no worktree of its own, or changed nothing. */
  readonly branch: string | null;
}

export interface AttemptResult {
  readonly verdict: Verdict;
  /** Text for people; null when the verdict says it all. */
  readonly reason: string | null;
  /** Null when no command exited. */
  readonly exitCode: number | null;
  /** A name such as `SIGKILL`; null when no signal ended it. */
  readonly signal: string | null;
  /** The last lines of its output, or a description of its work; at most SUMMARY_CHARS characters, valid Unicode. */
  readonly summary: string;
  readonly costUsd: number;
  /** True when its tool does not report the cost. */
  readonly isCostUnknown?: boolean;
  /** The question to a person, for which the attempt ended. */
  readonly asks?: string;
  /** Processes that still ran at its end, in its process group or outside of it, as `pid command`. They were ended. */
  readonly leftGroup: readonly string[];
  /** Input and output tokens, if its tool reports them. */
  readonly tokens?: number;
  /** The tool's id of its conversation, with which a later attempt can continue it. */
  readonly session?: string;
  /** Present when it failed for lack of quota, with the time of new quota, in seconds since 1970, if known. */
  readonly quota?: { readonly resetsAtUnix?: number };
  /** The content of the file `$SPL_RESULTS`. */
  readonly results?: JsonObject;
  /** The place of its changes, if it ran in a worktree of its own. */
  readonly work?: Work;
  /** The digests of its declared files. That of inputs is null where they changed while it ran. */
  readonly digests?: { readonly inputs: string | null; readonly outputs: string };
  /** The accepted attempt that made a run unnecessary. */
  readonly reused?: UsedAttempt;
}

/** The longest summary, in UTF-16 code units. */
export const SUMMARY_CHARS = 2_000;

/** The destination of an attempt's output. Nothing is created before the first byte, and the owner's cap bounds it. */
export interface OutputSink {
  /**
   * Takes a chunk; the promise resolves when more is welcome (back-pressure). Bytes beyond the cap are counted and
   * dropped.
   */
  write(chunk: Uint8Array): Promise<void>;
}

export interface ExecutorContext {
  readonly output: OutputSink;
  /** Aborts when the attempt is to end as `cancelled`; `signal.reason` is text. */
  readonly signal: AbortSignal;
  /**
   * Reports the total that the attempt has used so far, if its tool reports it while it runs. An attempt that exceeds
   * its share of a budget is ended.
   */
  used(sofar: Used): void;
}

export interface Used {
  readonly costUsd?: number;
  /** Input and output tokens. */
  readonly tokens?: number;
}

/**
 * Runs attempts, without state between them. `start` never rejects: faults are verdicts. It answers when no process of
 * the attempt is running any more, either with a promise or at once.
 */
export interface Executor {
  readonly name: string;
  /** The program that must be installed, if any. */
  readonly program?: string;
  /** True when attempts may have side effects: their start is then recorded before it happens. */
  readonly sideEffects: boolean;
  /** True when the executor runs an attempt's `run`. Other executors never receive an attempt with one. */
  readonly runsCommands: boolean;
  /** Returns a further reason why this executor can't run an attempt, or null: see `refusalOf`. */
  refusal(attempt: { readonly run: string | null }): string | null;
  start(attempt: AttemptSpec, context: ExecutorContext): AttemptResult | Promise<AttemptResult>;
}

/** Returns the reason why an executor can't run an attempt, or null. Called before a fan-out is recorded. */
export function refusalOf(executor: Executor, attempt: { readonly run: string | null }): string | null {
  if (attempt.run !== null && !executor.runsCommands) return 'it runs no commands, and run gives one';
  return executor.refusal(attempt);
}
