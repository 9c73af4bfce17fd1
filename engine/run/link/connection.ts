import type { Duplex } from 'node:stream';
import type { FleetError } from '../../errors.ts';
import type { ToCoordinator, ToWorker } from '../../fleet/messages.ts';
import type { InstanceKey } from '../../record/signing.ts';
import { line, encodeMessage } from './frames.ts';
import { readLines } from './lines.ts';

/** One end of an open stream between two instances. It owns the stream. */
export class Connection {
  readonly #stream: Duplex;
  readonly #key: InstanceKey;
  #onLine: (text: string) => void = () => {};
  #onClose: (error: Error | undefined) => void = () => {};
  #error: Error | undefined;
  #closed = false;

  constructor(stream: Duplex, key: InstanceKey) {
    this.#stream = stream;
    this.#key = key;
    readLines(
      stream,
      text => this.#take(text),
      error => this.close(error),
    );
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
    return this.#closed;
  }

  send(message: ToWorker | ToCoordinator): void {
    if (!this.#closed) this.#stream.write(encodeMessage(message, this.#key));
  }

  sendFrame(frame: object): void {
    if (!this.#closed) this.#stream.write(line(frame));
  }

  /** Sends what is still to be sent, then ends. */
  end(): Promise<void> {
    return new Promise(resolve => {
      if (this.#closed) return resolve();
      this.#stream.once('close', () => resolve());
      this.#stream.end(() => this.#stream.destroy());
    });
  }

  close(error?: Error | FleetError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#stream.destroy();
    this.#onClose(this.#error);
  }

  #take(text: string): void {
    if (this.#closed) return;
    try {
      this.#onLine(text);
    } catch (error) {
      this.close(error as Error);
    }
  }
}
