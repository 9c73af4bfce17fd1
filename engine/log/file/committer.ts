import { FleetError, messageOf } from '../../errors.ts';
import type { SealedRecord } from '../../record/record.ts';
import type { Appended, Batch, Position } from '../log.ts';
import { FrameEncoder, type EncodedFrame } from './payload.ts';
import type { SegmentWriter, Written } from './segment-writer.ts';

/** The text length at which a frame is closed, unless a single batch is longer. */
const MAX_FRAME_CHARS = 4 * 1024 * 1024;

/** A frame that has become durable. */
export interface Commit {
  readonly first: Position;
  readonly at: number;
  readonly written: Written;
  readonly frame: EncodedFrame;
}

export interface CommitterOptions {
  readonly writer: SegmentWriter;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  /** The time of the log's last record; no later one is given an earlier time. */
  readonly lastAt: number;
  /** Called with each frame before its appends resolve. */
  readonly onCommit: (commit: Commit) => void;
}

interface Waiting {
  readonly batch: Batch;
  readonly chars: number;
  readonly first: Position;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Group commit: batches that are appended during a write and its sync share the next one. There is one frame per sync,
 * so that at most the last frame of a log can be unfinished.
 */
export class Committer {
  readonly failed: Promise<Error>;
  readonly #options: CommitterOptions;
  readonly #encoder = new FrameEncoder();
  #waiting: Waiting[] = [];
  #underWay: readonly Waiting[] = [];
  #lastAt: number;
  #poison: FleetError | undefined;
  #reportFailure!: (error: Error) => void;
  /** The current run that empties the queue, or the last one. */
  #run: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#lastAt = options.lastAt;
    this.failed = new Promise(resolve => {
      this.#reportFailure = resolve;
    });
  }

  /** The error of all further appends, or undefined. */
  get poison(): FleetError | undefined {
    return this.#poison;
  }

  /** Appends a batch whose first record has position `first`; resolves when it is durable. @throws LOG_POISONED. */
  append(batch: Batch, first: Position): Promise<Appended> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, first, chars: charsOf(batch), resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      this.#run = endOfTurn().then(() => this.#commitAll());
    });
  }

  /** Returns a record that is not durable yet. */
  pendingAt(position: Position): SealedRecord | undefined {
    return recordAt(this.#underWay, position) ?? recordAt(this.#waiting, position);
  }

  /** Waits for all appends so far, whether they succeed or not. */
  async idle(): Promise<void> {
    while (this.#isRunning) await this.#run;
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      this.#underWay = group;
      try {
        const at = await this.#commit(group);
        for (const { first, resolve } of group) resolve({ first, at });
      } catch (cause) {
        this.#fail(cause);
      }
      if (this.#poison === undefined) this.#underWay = [];
    }
    this.#isRunning = false;
  }

  async #commit(group: readonly Waiting[]): Promise<number> {
    const { writer, now, onCommit } = this.#options;
    if (group.every(({ batch }) => batch.records.length === 0)) return this.#lastAt;
    const at = Math.max(Math.floor(now()), this.#lastAt);
    const { first } = group[0]!;
    const frame = this.#encoder.encode(
      group.map(({ batch }) => batch),
      first,
      at,
    );
    const written = await writer.write(frame.bytes, first);
    this.#lastAt = at;
    onCommit({ first, at, written, frame });
    return at;
  }

  /** Takes the batches of one frame, at least one. */
  #takeGroup(): readonly Waiting[] {
    let count = 1;
    for (let chars = this.#waiting[0]!.chars; count < this.#waiting.length; count++) {
      chars += this.#waiting[count]!.chars;
      if (chars > MAX_FRAME_CHARS) break;
    }
    const group = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return group;
  }

  /**
   * Refuses all further appends: a failed write may have left anything on the disk, and a failed sync can't be
   * repeated.
   */
  #fail(cause: unknown): void {
    const error = new FleetError('LOG_POISONED', `the log cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Fix the cause, such as a full disk, and start again.',
    });
    this.#poison = error;
    const refused = [...this.#underWay, ...this.#waiting];
    this.#underWay = refused;
    this.#waiting = [];
    for (const { reject } of refused) reject(error);
    this.#reportFailure(error);
  }
}

function charsOf({ records }: Batch): number {
  let chars = 0;
  for (const { text } of records) chars += text.length;
  return chars;
}

/** Finds a record in queue order. */
function recordAt(queue: readonly Waiting[], position: Position): SealedRecord | undefined {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (queue[middle]!.first <= position) low = middle + 1;
    else high = middle;
  }
  const found = queue[low - 1];
  return found?.batch.records[position - found.first];
}

/** Waits until the current callbacks, and the promises that they settle, have run. */
function endOfTurn(): Promise<void> {
  return new Promise(resolve => {
    queueMicrotask(() => {
      process.nextTick(resolve);
    });
  });
}
