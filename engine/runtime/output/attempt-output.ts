import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import type { OutputSink } from '../executors/executor.ts';
import type { HeadAndTail } from './head-and-tail.ts';
import { type WholeLog } from './head-and-tail.ts';

/** The kept output of an attempt. */
export interface KeptOutput {
  /** The file. Absolute when the store's folder is. */
  readonly path: string;
  /** The number of bytes that the attempt printed. */
  readonly size: number;
  /** The number of bytes kept, with the line that counts the bytes left out. */
  readonly kept: number;
  /** SHA-256 of what is kept, as lowercase hex. */
  readonly digest: string;
  /** True when something that was printed is not kept. */
  readonly truncated: boolean;
  /** The reason for which the output could not be kept as it should, in words; null when all went well. */
  readonly note: string | null;
}

/** The sink of one attempt. A chunk belongs to the sink from `write` on; its promise never rejects. */
export interface AttemptSink extends OutputSink {
  /**
   * Waits until everything is in the file. Never rejects, answers the same when called again, and drops what is
   * written after it.
   * @returns null when nothing was printed; there is no file then.
   */
  close(): Promise<KeptOutput | null>;
}

/** The methods that a sink needs of its store. */
export interface OutputHost {
  /** Called once, before the first byte is written. */
  open(thread: string, attempt: number): HeadAndTail;
  /** Called when there is more to read. */
  changed(files: HeadAndTail): void;
  /** Called when the files are as they will stay. */
  closed(files: HeadAndTail): void;
  /** Reads what is kept: for the digest, where writing did not go as it should. */
  read(thread: string, attempt: number): AsyncIterable<Uint8Array>;
}

/** As much is taken without waiting for the disk. */
const BUFFER_BYTES = 256 * 1024;
const READY = Promise.resolve();

/** Writes what an attempt prints, in its order, one write at a time, whatever has come meanwhile in the next. */
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

  /** Costs next to nothing: most attempts of a quick executor print nothing. */
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
      // After a fault the rest is dropped: what is kept must not have a hole that nobody can see.
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

  /** Keeps the first thing that goes wrong instead of throwing it: a full disk must not end an attempt. */
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
