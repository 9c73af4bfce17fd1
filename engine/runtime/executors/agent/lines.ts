const NEWLINE = 10;

/** The longest line of an agent's output that is read, in bytes. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Splits chunks into lines. A line that is too long is dropped. */
export class Lines {
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #skipping = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk.subarray(from, end));
      this.end();
      from = end + 1;
    }
    if (from < chunk.length) this.#take(chunk.subarray(from));
  }

  /** Ends the input. Text after the last line feed is a line as well. */
  end(): void {
    if (!this.#skipping && this.#length > 0)
      this.#onLine(Buffer.concat(this.#parts, this.#length).toString('utf8'));
    this.#parts = [];
    this.#length = 0;
    this.#skipping = false;
  }

  #take(part: Buffer): void {
    if (this.#skipping || part.length === 0) return;
    this.#length += part.length;
    if (this.#length > MAX_LINE_BYTES) {
      this.#skipping = true;
      this.#parts = [];
    } else {
      // The reader reuses its buffers.
      this.#parts.push(Buffer.from(part));
    }
  }
}
