const LINE_FEED = 0x0a;

/** The output to show at once. */
export interface Taken {
  /** The number of bytes of the output that stood before it and are left out. */
  readonly omitted: number;
  readonly bytes: Uint8Array;
}

/** Output that waits to be shown: the end of it, when more comes than can be shown. */
export class Backlog {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #omitted = 0;

  /** @param maxBytes how much may wait, beside the latest chunk */
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

  /** Takes all that waits. What follows something left out begins with a line, if there is a beginning of one in it. */
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
