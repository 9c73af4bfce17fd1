import { FleetError } from '../../errors.ts';
import type { Did, RecordId } from '../../record/ids.ts';
import { encodeLine, lineStart, readOwnLine } from '../../record/line.ts';
import type { SealedRecord } from '../../record/record.ts';
import type { Batch, Position } from '../log.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';

/**
 * The first line of a payload. It is NDJSON: this line, `s` lines of signatures, then `n` lines of records as
 * `encodeLine` makes them.
 */
export interface PayloadHead {
  /** The time at which the frame was written, in milliseconds since 1970. */
  readonly at: number;
  /** The position of its first record. */
  readonly first: Position;
  readonly n: number;
  readonly s: number;
}

/** The signature of `n` records, from the `from`-th of the frame on. */
export interface SignatureLine {
  readonly from: number;
  readonly n: number;
  readonly by: Did;
  readonly sig: string;
  /** The signed ids, if they differ from the records' own. */
  readonly ids?: readonly RecordId[];
}

/** The maximum length of a first line, whose members are a few numbers. */
export const MAX_HEAD_BYTES = 200;

/** A complete frame except for its header, which gets the first 20 bytes. */
export interface EncodedFrame {
  readonly bytes: Buffer;
  /** The offset of the first record's line, in bytes from the frame's start. */
  readonly recordsStart: number;
  /** The length of each record's line in bytes, without its newline. */
  readonly lengths: readonly number[];
}

/** The bounds of a record's line in a payload. */
export interface Line {
  readonly start: number;
  readonly end: number;
}

const FIRST_SCRATCH_BYTES = 64 * 1024;
/** The length from which a record's text is large, in UTF-16 code units. */
const LARGE_CHARS = 256 * 1024;
const KEPT_SCRATCH_BYTES = 8 * 1024 * 1024;

/** Encodes frames one at a time: the bytes of one are valid until the next is encoded. */
export class FrameEncoder {
  #scratch = Buffer.alloc(FIRST_SCRATCH_BYTES);

  encode(batches: readonly Batch[], first: Position, at: number): EncodedFrame {
    const recordsStart = this.#write(frontOf(batches, first, at), FRAME_HEADER_BYTES);
    const lengths: number[] = [];
    let end = recordsStart;
    for (const { records } of batches) {
      for (const record of records) {
        const start = end;
        end = this.#writeLine(record, start);
        lengths.push(end - start - 1);
      }
    }
    const bytes = this.#scratch.subarray(0, end);
    if (this.#scratch.length > KEPT_SCRATCH_BYTES) this.#scratch = Buffer.alloc(FIRST_SCRATCH_BYTES);
    return { bytes, recordsStart, lengths };
  }

  #writeLine(sealed: SealedRecord, start: number): number {
    if (sealed.text.length < LARGE_CHARS) return this.#write(`${encodeLine(sealed)}\n`, start);
    // In parts, because a line in one piece would be another copy of the text.
    return this.#write('}\n', this.#write(sealed.text, this.#write(lineStart(sealed), start)));
  }

  /** @returns the offset of the end of the text. */
  #write(text: string, start: number): number {
    // A character takes at most three bytes; the exact length is computed only when the text may not fit.
    if (start + text.length * 3 > this.#scratch.length)
      this.#makeRoom(start + Buffer.byteLength(text), start);
    return start + this.#scratch.write(text, start);
  }

  /** Makes the buffer large enough, and keeps its first bytes, which are in use. */
  #makeRoom(needed: number, used: number): void {
    if (needed <= this.#scratch.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#scratch.length * 2));
    this.#scratch.copy(larger, 0, 0, used);
    this.#scratch = larger;
  }
}

/** Reads the first line of a payload, or of the beginning of one; undefined when it is invalid. */
export function readHead(payload: Buffer): PayloadHead | undefined {
  const end = payload.indexOf(0x0a);
  try {
    const head = JSON.parse(payload.toString('utf8', 0, Math.max(end, 0))) as Partial<PayloadHead>;
    const numbers = [head.at, head.first, head.n, head.s];
    return numbers.every(Number.isSafeInteger) ? (head as PayloadHead) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the part of a payload before its records. @throws LOG_DAMAGED when it has no readable first line. */
export function openPayload(payload: Buffer): { readonly head: PayloadHead; readonly recordsStart: number } {
  const head = readHead(payload);
  if (head === undefined)
    throw new FleetError('LOG_DAMAGED', 'a frame of the log has no readable first line');
  let recordsStart = 0;
  for (let line = 0; line <= head.s; line++) recordsStart = payload.indexOf(0x0a, recordsStart) + 1;
  return { head, recordsStart };
}

/** Returns the signature of the `index`-th record from a frame's front, the lines before its records. */
export function signatureIn(front: Buffer, index: number): SignatureLine | undefined {
  const lines = front.toString().trimEnd().split('\n').slice(1);
  for (const line of lines) {
    const signature = JSON.parse(line) as SignatureLine;
    if (index >= signature.from && index < signature.from + signature.n) return signature;
  }
  return undefined;
}

/** Yields the lines of a payload's records in order; `from` is the offset of the first one. */
export function* recordLines(payload: Buffer, from: number): Generator<Line> {
  for (let start = from; start < payload.length;) {
    const newline = payload.indexOf(0x0a, start);
    const end = newline < 0 ? payload.length : newline;
    yield { start, end };
    start = end + 1;
  }
}

/** Decodes the record on a line. @throws LOG_DAMAGED when there is none. */
export function readLine(bytes: Buffer, { start, end }: Line): SealedRecord {
  try {
    return readOwnLine(bytes.toString('utf8', start, end));
  } catch (cause) {
    throw new FleetError('LOG_DAMAGED', 'a line of the log is not a record', { cause });
  }
}

/** Returns the lines before the records. */
function frontOf(batches: readonly Batch[], first: Position, at: number): string {
  const signatures: string[] = [];
  let n = 0;
  for (const batch of batches) {
    if (batch.signature !== undefined)
      signatures.push(JSON.stringify(signatureLine(batch.signature, batch.records, n)) + '\n');
    n += batch.records.length;
  }
  const head: PayloadHead = { at, first, n, s: signatures.length };
  return `${JSON.stringify(head)}\n${signatures.join('')}`;
}

function signatureLine(
  { by, sig, ids }: NonNullable<Batch['signature']>,
  records: readonly SealedRecord[],
  from: number,
): SignatureLine {
  const isOwn = ids.length === records.length && ids.every((id, i) => id === records[i]!.record.id);
  return { from, n: records.length, by, sig, ...(isOwn ? {} : { ids }) };
}
