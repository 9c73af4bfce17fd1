import { FleetError } from '../../errors.ts';
import { AttemptOutput, type AttemptSink, type OutputHost } from './attempt-output.ts';
import { followOutput, type FollowOptions, type WakeUp } from './follow.ts';
import { HeadAndTail } from './head-and-tail.ts';
import { checkAttempt, placeOf } from './layout.ts';
import { pruneOutput, type Pruned } from './prune.ts';
import { OutputReader } from './reading.ts';

export type { AttemptSink, KeptOutput } from './attempt-output.ts';
export type { FollowOptions } from './follow.ts';
export type { Pruned } from './prune.ts';

/**
 * Stores the output of attempts in one file each: `‹folder›/‹child thread›/‹attempt›.log`. Output is not synced like
 * records, and a crash may lose the end of it. Every method throws INVALID_RECORD for an invalid thread or attempt.
 */
export interface OutputStore {
  /** Returns the sink of an attempt of this process. Nothing is created before the first byte; earlier output is replaced. */
  sink(thread: string, attempt: number): AttemptSink;

  /** Yields the stored output of an attempt so far; empty when there is none. */
  read(thread: string, attempt: number): AsyncIterable<Uint8Array>;

  /**
   * Yields the stored output, then new output, also when another process writes it and when there is no file yet. A
   * slow reader may get a line in place of dropped bytes. Ends when `done` resolves and everything is read, or when the
   * signal aborts.
   */
  follow(thread: string, attempt: number, options: FollowOptions): AsyncIterable<Uint8Array>;

  /** Removes the output of the attempts that ended first, until at most `maxBytes` are left. */
  prune(maxBytes: number): Promise<Pruned>;
}

export interface OutputStoreOptions {
  /** The maximum number of bytes to store of one attempt, at least 4. Of a longer output, head and end are stored. */
  readonly capBytes: number;
}

/** Opens the store in a folder, which is created with the first output. @throws USAGE when the cap is too small. */
export function openOutputStore(dir: string, options: OutputStoreOptions): OutputStore {
  if (!(options.capBytes >= 4)) {
    throw new FleetError('USAGE', `the cap of an output must be at least 4 bytes, not ${options.capBytes}`);
  }
  return new FileOutputStore(dir, options.capBytes);
}

class FileOutputStore implements OutputStore, OutputHost {
  readonly #dir: string;
  readonly #capBytes: number;
  /** The logs that this process is writing, by path. */
  readonly #open = new Set<string>();
  /** The followers of each log, by path. */
  readonly #followers = new Map<string, Set<WakeUp>>();

  constructor(dir: string, capBytes: number) {
    this.#dir = dir;
    this.#capBytes = capBytes;
  }

  sink(thread: string, attempt: number): AttemptSink {
    checkAttempt(thread, attempt);
    return new AttemptOutput(this, thread, attempt);
  }

  read(thread: string, attempt: number): AsyncIterable<Uint8Array> {
    return this.#reader(thread, attempt).pass();
  }

  follow(thread: string, attempt: number, options: FollowOptions): AsyncIterable<Uint8Array> {
    const reader = this.#reader(thread, attempt);
    return followOutput(reader, options, {
      isWoken: () => this.#open.has(reader.place.path),
      subscribe: wakeUp => this.#subscribe(reader.place.path, wakeUp),
    });
  }

  prune(maxBytes: number): Promise<Pruned> {
    return pruneOutput(this.#dir, maxBytes, path => this.#open.has(path));
  }

  open(thread: string, attempt: number): HeadAndTail {
    const files = new HeadAndTail(placeOf(this.#dir, thread, attempt), this.#capBytes);
    this.#open.add(files.place.path);
    return files;
  }

  changed(files: HeadAndTail): void {
    for (const wakeUp of this.#followers.get(files.place.path) ?? []) wakeUp.wake();
  }

  closed(files: HeadAndTail): void {
    this.#open.delete(files.place.path);
    this.changed(files);
  }

  #reader(thread: string, attempt: number): OutputReader {
    return new OutputReader(placeOf(this.#dir, thread, attempt));
  }

  #subscribe(path: string, wakeUp: WakeUp): () => void {
    const followers = this.#followers.get(path) ?? new Set<WakeUp>();
    this.#followers.set(path, followers.add(wakeUp));
    return () => {
      followers.delete(wakeUp);
      if (followers.size === 0 && this.#followers.get(path) === followers) this.#followers.delete(path);
    };
  }
}
