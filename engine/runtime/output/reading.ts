import { open } from 'node:fs/promises';
import { gapLine, isMissing, layoutOf, type AttemptPlace, type Piece } from './layout.ts';

const CHUNK_BYTES = 64 * 1024;

/** Reads an attempt's output in passes; each one continues at the end of the last. */
export class OutputReader {
  readonly place: AttemptPlace;
  #position = 0;
  #knownHead: number | undefined;

  constructor(place: AttemptPlace) {
    this.place = place;
  }

  /**
   * Yields the bytes since the last pass. A line that counts them replaces bytes dropped meanwhile. The caller owns
   * each chunk.
   */
  async *pass(): AsyncGenerator<Uint8Array, void, undefined> {
    // A file that disappears was joined or pruned, and the layout is read again.
    while (!(yield* this.#tryPass()));
  }

  async *#tryPass(): AsyncGenerator<Uint8Array, boolean, undefined> {
    const { pieces, headBytes } = await layoutOf(this.place, this.#knownHead);
    this.#knownHead = headBytes;
    try {
      for (const piece of pieces) yield* this.#readPiece(piece);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async *#readPiece(piece: Piece): AsyncGenerator<Uint8Array, void, undefined> {
    const end = piece.start + piece.length;
    if (end <= this.#position) return;
    const file = await open(piece.path);
    try {
      if (piece.start > this.#position) {
        yield Buffer.from(gapLine(piece.start - this.#position));
        this.#position = piece.start;
      }
      while (this.#position < end) {
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - this.#position));
        const at = piece.from + this.#position - piece.start;
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) return;
        this.#position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
}
