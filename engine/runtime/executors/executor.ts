import type { Verdict } from '../../contract/documents.ts';
import type { DeliveredSubtask } from '../../subtask/subtask.ts';
import type { Work } from '../../domain/model/record-bodies.ts';

/** One execution of a subtask, as its worker sees it: what the worker was told of the subtask, and of this attempt. */
export interface AttemptSpec extends Omit<DeliveredSubtask, 'env' | 'timeout_secs'> {
  /** A text that no other attempt of any fleet has. */
  readonly id: string;
  /** The subtask's own thread. */
  readonly thread: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly index: number;
  /** The alias of the task that it belongs to. */
  readonly task: string;
  /** Null for none. */
  readonly timeoutMs: number | null;
  /** The hint of a person at the retry, or null. */
  readonly hint: string | null;
  /** The subtasks that it builds on, for executors that can be told of them. */
  readonly depends: readonly Dependency[];
  /** The conversation of an earlier attempt that can be gone on with, or null. */
  readonly session: string | null;
  /** The branch with the changes of the last attempt, if this one does not begin with them. */
  readonly earlierBranch: string | null;
  /** The variables of its commands beside those that they inherit and those that name the attempt. */
  readonly env: Readonly<Record<string, string>>;
  /** The environment that they inherit: that of who submitted it. Null: the worker's own. */
  readonly environment: Readonly<Record<string, string>> | null;
}

/** A subtask that an attempt's own subtask depends on, as its executor sees it. */
export interface Dependency {
  readonly index: number;
  readonly name: string | null;
  readonly summary: string;
  /** The branch with its changes; null when it ran in no worktree of its own, or changed nothing. */
  readonly branch: string | null;
}

export interface AttemptResult {
  readonly verdict: Verdict;
  /** In words, null when there is nothing to say beyond the verdict. */
  readonly reason: string | null;
  /** Null when no command exited. */
  readonly exitCode: number | null;
  /** `SIGKILL` and the like, null when no signal ended it. */
  readonly signal: string | null;
  /** The last lines of what it printed, or what it did; at most SUMMARY_CHARS characters, valid Unicode. */
  readonly summary: string;
  readonly costUsd: number;
  /** True where its tool does not tell what it cost. */
  readonly isCostUnknown?: boolean;
  /** The question for a person without whose answer it can't go on, where it ended for that. */
  readonly asks?: string;
  /**
   * Processes that it started and that ran on at its end, in its process group or outside of it, as `pid command`. They
   * were ended.
   */
  readonly leftGroup: readonly string[];
  /** The tokens that it took, in and out, where its tool reports them. */
  readonly tokens?: number;
  /** The tool's own name for its conversation, for a later attempt to go on with it. */
  readonly session?: string;
  /** It failed for want of quota: when there is some again, in seconds since 1970, where the tool told. */
  readonly quota?: { readonly resetsAtUnix?: number };
  /** The place of its changes, if it ran in a worktree of its own. */
  readonly work?: Work;
}

/** The longest summary, in UTF-16 code units. */
export const SUMMARY_CHARS = 2_000;

/** The destination of an attempt's output: nothing is created before the first byte. Bounded by its owner's cap. */
export interface OutputSink {
  /** Takes a chunk; the promise settles when more is welcome (back-pressure). Bytes beyond the cap are counted and dropped. */
  write(chunk: Uint8Array): Promise<void>;
}

export interface ExecutorContext {
  readonly output: OutputSink;
  /** Aborted with the reason in words (`signal.reason`, a string) when the attempt is to end as `cancelled`. */
  readonly signal: AbortSignal;
  /**
   * Tells what the attempt has taken so far, in all, where its tool says so while it runs: an attempt that has taken
   * more than its share of a budget is ended.
   */
  used(sofar: Used): void;
}

export interface Used {
  readonly costUsd?: number;
  /** In and out. */
  readonly tokens?: number;
}

/**
 * Something that can run attempts. Executors hold no state between attempts.
 * `start` never rejects: what goes wrong is a verdict. It answers only when nothing of the attempt runs any more; an
 * answer that is there at once need not be a promise.
 */
export interface Executor {
  readonly name: string;
  /** The program that has to be installed for it, where there is one. */
  readonly program?: string;
  /** True when an attempt may change the world: its start is then written down before it is made. */
  readonly sideEffects: boolean;
  /** True where the executor runs an attempt's `run`. Other executors are never given an attempt that has one. */
  readonly runsCommands: boolean;
  /** Returns another reason for which this executor can't run this attempt, or null: see `refusalOf`. */
  refusal(attempt: { readonly run: string | null }): string | null;
  start(attempt: AttemptSpec, context: ExecutorContext): AttemptResult | Promise<AttemptResult>;
}

/** Returns the reason for which an executor can't run an attempt, or null when it can. Called before a fan-out is written. */
export function refusalOf(executor: Executor, attempt: { readonly run: string | null }): string | null {
  if (attempt.run !== null && !executor.runsCommands) return 'it runs no commands, and run gives one';
  return executor.refusal(attempt);
}
