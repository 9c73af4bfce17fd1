import type { Duplex } from 'node:stream';
import { FleetError } from '../../errors.ts';
import type { ToCoordinator, ToWorker } from '../../domain/model/messages.ts';
import type { InstanceKey } from '../../record/signing.ts';
import { encodeMessage, inFrames, line } from './frames.ts';
import { readLines } from './lines.ts';

/** The longest line of a handshake, in bytes: the sender is still unknown. */
const MAX_GREETING_BYTES = 64 * 1024;
/** The longest line after the handshake: a frame of records, of which a fan-out's is the largest. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;
/**
 * The maximum number of bytes that wait for a peer that does not read, before its link is closed: twice the longest
 * line.
 */
const MAX_UNSENT_BYTES = 2 * MAX_LINE_BYTES;
/**
 * The maximum number of bytes that wait for all peers of this process, before the link with the longest queue is
 * closed.
 */
const MAX_UNSENT_OF_ALL_BYTES = 2 * MAX_UNSENT_BYTES;
/** The time for which an acknowledgement waits for another message to travel with, in milliseconds. */
const ACK_MS = 5;
/** The time that a peer may take to read the last data sent to it, in milliseconds. */
const END_MS = 1000;

export interface ConnectionLimits {
  readonly unsentBytes: number;
  readonly unsentOfAllBytes: number;
  readonly endMs: number;
}

/** One end of an open stream between two instances. It owns the stream. */
export class Connection {
  /** The connections that have more to send than their streams accept at once. */
  static readonly #behind = new Set<Connection>();
  readonly #stream: Duplex;
  readonly #key: InstanceKey;
  readonly #limits: ConnectionLimits;
  #maxLineBytes = MAX_GREETING_BYTES;
  #onLine: (text: string) => void = () => {};
  #onClose: (error: Error | undefined) => void = () => {};
  #state: 'open' | 'ending' | 'closed' = 'open';
  /** The last acknowledgement, which includes earlier ones, until the next message takes it along. */
  #ack = '';
  #ackTimer: NodeJS.Timeout | undefined;

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

  /** Called with each line. When the handler throws, the connection ends with its error. */
  set onLine(handler: (text: string) => void) {
    this.#onLine = handler;
  }

  /** Called once, with the cause if there is one. */
  set onClose(handler: (error: Error | undefined) => void) {
    this.#onClose = handler;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Allows long lines: the peer has proved its identity. */
  trust(): void {
    this.#maxLineBytes = MAX_LINE_BYTES;
  }

  send(message: ToWorker | ToCoordinator): void {
    this.prepare(message)();
  }

  /** Encodes and signs a message now. @returns sends it. */
  prepare(message: ToWorker | ToCoordinator): () => void {
    const lines = Array.from(inFrames(message), part => encodeMessage(part, this.#key));
    if (message.type === 'ack') return () => this.#hold(lines[0]!);
    return () => {
      for (const text of lines) this.#write(text);
    };
  }

  sendFrame(frame: object): void {
    this.#write(line(frame));
  }

  /** Sends the queue, then ends, without waiting for a peer that does not read. Later lines are ignored. */
  end(): Promise<void> {
    if (this.closed) return Promise.resolve();
    if (this.#ack !== '') this.#write('');
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
    clearTimeout(this.#ackTimer);
    Connection.#behind.delete(this);
    this.#stream.destroy();
    this.#onClose(error);
  }

  #hold(ack: string): void {
    if (this.#state !== 'open') return;
    this.#ack = ack;
    this.#ackTimer ??= setTimeout(() => this.#write(''), ACK_MS);
  }

  #write(text: string): void {
    if (this.#state !== 'open') return;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    const lines = this.#ack + text;
    this.#ack = '';
    this.#stream.write(lines);
    if (this.#stream.writableLength > this.#limits.unsentBytes) this.#giveUp();
    else this.#boundAll();
  }

  /** Costs one comparison for a link that keeps up. */
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
    this.close(new FleetError('LINK_BROKEN', 'the peer does not read its messages'));
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
