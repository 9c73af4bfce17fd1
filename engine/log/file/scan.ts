import { crc32 } from 'node:zlib';
import type { LogFile } from './files.ts';
import { FRAME_HEADER_BYTES, findFrameHeader, readFrameHeader, type FrameHeader } from './frame.ts';

/** A complete and undamaged frame of a batch. */
export interface Frame {
  /** The offset of its header in the file. */
  readonly offset: number;
  /** The offset of the next frame. */
  readonly end: number;
  readonly header: FrameHeader;
  /** Valid until the next call of the scanner. */
  readonly payload: Buffer;
}

/** The reason why a scan can't go on. */
export interface Damage {
  /** The offset of the damaged frame. */
  readonly offset: number;
  readonly reason: string;
  /**
   * True when the bytes may be the rest of an interrupted write: they are the last of the file, and no frame begins
   * after them. A frame is synced before the next one is begun, so that everything that was ever acknowledged is before
   * `offset`.
   */
  readonly torn: boolean;
}

/** The result of reading one place of the buffer: a frame, too few bytes, a bad frame, or unknown bytes. */
type Look =
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'short'; readonly wanted: number }
  | { readonly kind: 'bad'; readonly reason: string; readonly torn: boolean }
  | { readonly kind: 'lost'; readonly reason: string };

const CHUNK_BYTES = 1024 * 1024;

/** Reads the frames of one segment in order, in chunks of the file. */
export class FrameScanner {
  readonly #file: LogFile;
  readonly #to: number;
  #previous: number | undefined;
  #damage: Damage | undefined;
  #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  /** The offset in the file of the buffer's first byte. */
  #base: number;
  /** The unread bytes of the buffer are those from `#taken` to `#filled`. */
  #taken = 0;
  #filled = 0;

  /**
   * @param range.from the offset of a batch's frame
   * @param range.to the end of the valid bytes of the file
   * @param range.previous the chain of the frame before; without it, the first frame's is not checked
   */
  constructor(
    file: LogFile,
    range: { readonly from: number; readonly to: number; readonly previous?: number | undefined },
  ) {
    this.#file = file;
    this.#base = range.from;
    this.#to = range.to;
    this.#previous = range.previous;
  }

  /** The offset of the next frame, which may not exist. */
  get offset(): number {
    return this.#base + this.#taken;
  }

  /** The chain of the last frame, or `previous` before the first. */
  get chain(): number | undefined {
    return this.#previous;
  }

  /** The damage that stopped the scan, after `next` has returned nothing; undefined at an undamaged end. */
  get damage(): Damage | undefined {
    return this.#damage;
  }

  /** Returns the next frames, at least one; none at the end and at damage. */
  async next(): Promise<readonly Frame[]> {
    while (this.#damage === undefined && this.offset < this.#to) {
      const frames: Frame[] = [];
      let look = this.#look();
      for (; look.kind === 'frame'; look = this.#look()) {
        frames.push(look.frame);
        this.#taken += look.frame.end - look.frame.offset;
        this.#previous = look.frame.header.chain;
      }
      if (frames.length > 0) return frames;
      await this.#meet(look);
    }
    return [];
  }

  /** Reads more bytes if that helps, else determines the damage. */
  async #meet(look: Exclude<Look, { kind: 'frame' }>): Promise<void> {
    const { offset } = this;
    if (look.kind === 'short') {
      if (offset + look.wanted <= this.#to && (await this.#fill(look.wanted))) return;
      this.#damage = { offset, reason: 'the frame is cut off', torn: true };
    } else if (look.kind === 'bad') {
      this.#damage = { offset, reason: look.reason, torn: look.torn };
    } else {
      const later = await findNextFrame(this.#file, offset + 1, this.#to);
      this.#damage = { offset, reason: look.reason, torn: later === undefined };
    }
  }

  #look(): Look {
    const at = this.#taken;
    const { offset } = this;
    if (offset >= this.#to || this.#filled - at < FRAME_HEADER_BYTES)
      return { kind: 'short', wanted: FRAME_HEADER_BYTES };
    const header = readFrameHeader(this.#buffer, at);
    if (header === undefined) return { kind: 'lost', reason: 'the frame has no valid header' };
    if (header.kind !== 'batch')
      return { kind: 'bad', reason: 'a segment header is in the place of a batch', torn: false };
    if (this.#previous !== undefined && header.previous !== this.#previous)
      return { kind: 'bad', reason: 'the frame does not follow the one before it', torn: false };
    const bytes = FRAME_HEADER_BYTES + header.length;
    if (this.#filled - at < bytes) return { kind: 'short', wanted: bytes };
    const payload = this.#buffer.subarray(at + FRAME_HEADER_BYTES, at + bytes);
    if (crc32(payload) !== header.checksum)
      return { kind: 'bad', reason: 'the checksum of the frame is wrong', torn: offset + bytes >= this.#to };
    return { kind: 'frame', frame: { offset, end: offset + bytes, header, payload } };
  }

  /** Reads on until at least `wanted` bytes are unread. @returns false when the file has no more. */
  async #fill(wanted: number): Promise<boolean> {
    const kept = this.#buffer.subarray(this.#taken, this.#filled);
    // A large frame gets a new buffer; otherwise the unread bytes move to the front of the old one.
    const target = wanted > this.#buffer.length ? Buffer.allocUnsafe(wanted) : this.#buffer;
    target.set(kept);
    this.#base += this.#taken;
    this.#taken = 0;
    this.#filled = kept.length;
    this.#buffer = target;
    const position = this.#base + this.#filled;
    const room = target.subarray(this.#filled, this.#filled + Math.max(0, this.#to - position));
    const bytes = await this.#file.read(room, position);
    this.#filled += bytes;
    return this.#filled >= wanted;
  }
}

/** Returns the offset of the first valid frame header at or after `from` in a file, or undefined. */
export async function findNextFrame(file: LogFile, from: number, to: number): Promise<number | undefined> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, to - from)));
  for (let base = from; base + FRAME_HEADER_BYTES <= to;) {
    const bytes = await file.read(buffer.subarray(0, Math.min(buffer.length, to - base)), base);
    const found = findFrameHeader(buffer.subarray(0, bytes), 0);
    if (found !== undefined) return base + found;
    if (bytes < buffer.length || base + bytes >= to) return undefined;
    // A header may span two chunks.
    base += bytes - FRAME_HEADER_BYTES + 1;
  }
  return undefined;
}
