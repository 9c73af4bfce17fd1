import type { Duplex } from 'node:stream';
import { FleetError } from '../../errors.ts';
import type { ToCoordinator, ToWorker } from '../../domain/model/messages.ts';
import type { InstanceKey } from '../../record/signing.ts';
import { encodeMessage, inFrames, line } from './frames.ts';
import { readLines } from './lines.ts';

/** The longest line of a handshake, in bytes: nothing is known yet of who sends it. */
const MAX_GREETING_BYTES = 64 * 1024;
/** The longest line after it: a frame of records, the largest of which is a fan-out's. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;
/** The most that may wait for a peer that does not read, in bytes, before it is given up: twice the longest line. */
const MAX_UNSENT_BYTES = 2 * MAX_LINE_BYTES;
/** The most that may wait for all peers of this process together, in bytes, before the one furthest behind is given up. */
const MAX_UNSENT_OF_ALL_BYTES = 2 * MAX_UNSENT_BYTES;
/** The time that a peer may take to read the last data sent to it, in milliseconds. */
const END_MS = 1000;

export interface ConnectionLimits {
  readonly unsentBytes: number;
  readonly unsentOfAllBytes: number;
  readonly endMs: number;
}

/** One end of an open stream between two instances. It owns the stream. */
export class Connection {
  /** Those that have more to send than their streams take at once. */
  static readonly #behind = new Set<Connection>();
  readonly #stream: Duplex;
  readonly #key: InstanceKey;
  readonly #limits: ConnectionLimits;
  #maxLineBytes = MAX_GREETING_BYTES;
  #onLine: (text: string) => void = () => {};
  #onClose: (error: Error | undefined) => void = () => {};
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(stream: Duplex, key: InstanceKey, limits: Partial<ConnectionLimits> = {}) {
    this.#stream = stream;
    this.#key = key;
    this.#limits = {
      unsentBytes: MAX_UNSENT_BYTES,
      unsentOfAllBytes: MAX_UNSENT_OF_ALL_BYTES,
      endMs: END_MS,
      ...limits,
    };
    readLines(stream, {
      maxBytes: () => this.#maxLineBytes,
      onLine: text => this.#take(text),
      onError: error => this.close(error),
    });
    stream.on('error', error => this.close(error));
    stream.on('close', () => this.close());
    stream.on('end', () => this.close());
  }

  /** Tells every line that comes; a handler that throws ends the connection with what it threw. */
  set onLine(handler: (text: string) => void) {
    this.#onLine = handler;
  }

  /** Told once, with the cause where there is one. */
  set onClose(handler: (error: Error | undefined) => void) {
    this.#onClose = handler;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** The peer has proved who it is: from now on it may send long lines. */
  trust(): void {
    this.#maxLineBytes = MAX_LINE_BYTES;
  }

  send(message: ToWorker | ToCoordinator): void {
    this.prepare(message)();
  }

  /** Encodes and signs a message now. @returns what sends it. */
  prepare(message: ToWorker | ToCoordinator): () => void {
    const lines = Array.from(inFrames(message), part => encodeMessage(part, this.#key));
    return () => {
      for (const text of lines) this.#write(text);
    };
  }

  sendFrame(frame: object): void {
    this.#write(line(frame));
  }

  /** Sends what is still to be sent, then ends; a peer that does not read is not waited for. Nothing is heard after it. */
  end(): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.#state = 'ending';
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#stream.destroy(), this.#limits.endMs);
      this.#stream.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#stream.end(() => this.#stream.destroy());
    });
  }

  close(error?: Error): void {
    if (this.closed) return;
    this.#state = 'closed';
    Connection.#behind.delete(this);
    this.#stream.destroy();
    this.#onClose(error);
  }

  #write(text: string): void {
    if (this.#state !== 'open') return;
    this.#stream.write(text);
    if (this.#stream.writableLength > this.#limits.unsentBytes) this.#giveUp();
    else this.#boundAll();
  }

  /** A link that keeps up costs one comparison here. */
  #boundAll(): void {
    if (this.#stream.writableLength > this.#stream.writableHighWaterMark) Connection.#behind.add(this);
    if (Connection.#behind.size === 0) return;
    for (const each of Connection.#behind) if (each.#unsent === 0) Connection.#behind.delete(each);
    const all = [...Connection.#behind];
    const total = all.reduce((sum, each) => sum + each.#unsent, 0);
    if (total <= this.#limits.unsentOfAllBytes) return;
    all.reduce((last, each) => (each.#unsent > last.#unsent ? each : last)).#giveUp();
  }

  get #unsent(): number {
    return this.#stream.writableLength;
  }

  #giveUp(): void {
    this.close(new FleetError('LINK_BROKEN', 'the peer does not read what is sent to it'));
  }

  #take(text: string): void {
    if (this.#state !== 'open') return;
    try {
      this.#onLine(text);
    } catch (error) {
      this.close(error as Error);
    }
  }
}
