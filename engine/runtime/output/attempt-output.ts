import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import type { OutputSink } from '../executors/executor.ts';
import type { HeadAndTail } from './head-and-tail.ts';
import { type WholeLog } from './head-and-tail.ts';

/** The stored output of an attempt. */
export interface KeptOutput {
  /** The file. Absolute when the store's folder is. */
  readonly path: string;
  /** The number of bytes that the attempt printed. */
  readonly size: number;
  /** The number of stored bytes, including the line that counts the dropped ones. */
  readonly kept: number;
  /** SHA-256 of the stored bytes, as lowercase hex. */
  readonly digest: string;
  /** True when a part of the output was dropped. */
  readonly truncated: boolean;
  /** The reason why the output is incomplete or damaged, for people; null when it is neither. */
  readonly note: string | null;
}

/** The sink of one attempt. It owns a chunk from `write` on; its promises never reject. */
export interface AttemptSink extends OutputSink {
  /**
   * Waits until everything is in the file. Never rejects, returns the same when called again, and drops later chunks.
   * @returns null without output; there is no file then.
   */
  close(): Promise<KeptOutput | null>;
}

/** The methods that a sink needs of its store. */
export interface OutputHost {
  /** Called once, before the first byte is written. */
  open(thread: string, attempt: number): HeadAndTail;
  /** Called when there is more to read. */
  changed(files: HeadAndTail): void;
  /** Called when the files are final. */
  closed(files: HeadAndTail): void;
  /** Reads the stored output, for the digest after a failed write. */
  read(thread: string, attempt: number): AsyncIterable<Uint8Array>;
}

/** The number of bytes that are accepted without waiting for the disk. */
const BUFFER_BYTES = 256 * 1024;
const READY = Promise.resolve();

/** Writes the output of an attempt in order, one write at a time. Chunks that arrive meanwhile are written together. */
export class AttemptOutput implements AttemptSink {
  readonly #host: OutputHost;
  readonly #thread: string;
  readonly #attempt: number;
  #files: HeadAndTail | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing: Promise<void> | undefined;
  #closing: Promise<KeptOutput | null> | undefined;
  #size = 0;
  #fault: string | null = null;

  /** Cheap, because most attempts of a quick executor have no output. */
  constructor(host: OutputHost, thread: string, attempt: number) {
    this.#host = host;
    this.#thread = thread;
    this.#attempt = attempt;
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.#closing !== undefined || chunk.length === 0) return READY;
    this.#files ??= this.#host.open(this.#thread, this.#attempt);
    this.#size += chunk.length;
    if (this.#fault !== null) return READY;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#flushing ??= this.#flush(this.#files);
    return this.#queuedBytes < BUFFER_BYTES ? READY : this.#flushing;
  }

  close(): Promise<KeptOutput | null> {
    this.#closing ??= this.#files === undefined ? Promise.resolve(null) : this.#finish(this.#files);
    return this.#closing;
  }

  async #flush(files: HeadAndTail): Promise<void> {
    while (this.#queue.length > 0) {
      const block = Buffer.concat(this.#queue);
      this.#queue = [];
      this.#queuedBytes = 0;
      // After a fault the rest is dropped, because a gap in the output would be invisible.
      if (this.#fault === null) await this.#guarded(() => files.append(block));
      this.#host.changed(files);
    }
    this.#flushing = undefined;
  }

  async #finish(files: HeadAndTail): Promise<KeptOutput> {
    await this.#flushing;
    const joined = this.#fault === null ? await this.#guarded(() => files.join()) : undefined;
    await this.#guarded(() => files.close());
    const whole = joined ?? (await this.#readBack());
    this.#host.closed(files);
    return {
      path: files.place.path,
      size: this.#size,
      kept: whole.bytes,
      digest: whole.digest,
      truncated: files.leftOut > 0 || files.written < this.#size,
      note: this.#fault === null ? null : `the output could not be kept as it came: ${this.#fault}`,
    };
  }

  /** Records the first fault and does not throw it: a full disk must not end an attempt. */
  async #guarded<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.#fault ??= messageOf(error);
      return undefined;
    }
  }

  async #readBack(): Promise<WholeLog> {
    const hash = createHash('sha256');
    let bytes = 0;
    await this.#guarded(async () => {
      for await (const chunk of this.#host.read(this.#thread, this.#attempt)) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    });
    return { bytes, digest: hash.digest('hex') };
  }
}
