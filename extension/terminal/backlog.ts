const LINE_FEED = 0x0a;

/** The output to show at once. */
export interface Taken {
  /** The number of omitted bytes before this output. */
  readonly omitted: number;
  readonly bytes: Uint8Array;
}

/** Output that waits to be shown. Keeps the end of it if there is more than can be shown. */
export class Backlog {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #omitted = 0;

  /** @param maxBytes the most bytes that wait, besides the latest chunk */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    let dropped = 0;
    while (this.#size - this.#chunks[dropped]!.length >= this.#maxBytes) {
      this.#size -= this.#chunks[dropped]!.length;
      this.#omitted += this.#chunks[dropped]!.length;
      dropped += 1;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  /** Takes all waiting output. After an omission, it starts at the beginning of a line, if there is one. */
  take(): Taken {
    const bytes = Buffer.concat(this.#chunks);
    const begin = this.#omitted === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
    const taken = {
      omitted: this.#omitted === 0 ? 0 : this.#omitted + begin,
      bytes: bytes.subarray(begin),
    };
    this.#chunks = [];
    this.#size = this.#omitted = 0;
    return taken;
  }
}
