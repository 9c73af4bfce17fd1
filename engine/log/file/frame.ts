import { crc32 } from 'node:zlib';

/**
 * A segment is a sequence of frames, each with a header of 20 bytes and a payload:
 *
 *     0  magic      FF 53 50 48 before a segment's own header, FF 53 50 46 before a batch
 *     4  length     of the payload, in bytes
 *     8  checksum   CRC-32 of the payload
 *    12  previous   the `chain` of the frame before it: one segment's first frame follows another's last
 *    16  chain      CRC-32 of the 16 bytes above
 *
 * Numbers are unsigned, little-endian. Payloads are UTF-8 text, in which the byte FF never occurs, so that a header can
 * be found after damage, and never inside of a payload. `chain` covers the checksum and the chain before it, and so
 * identifies everything written up to there.
 */
export const FRAME_HEADER_BYTES = 20;

/** The largest payload length that is accepted in a header. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024 * 1024;

export type FrameKind = 'segment' | 'batch';

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly length: number;
  readonly checksum: number;
  readonly previous: number;
  readonly chain: number;
}

const MAGIC = { segment: 0x48_50_53_ff, batch: 0x46_50_53_ff } as const;

/** Writes the header of `payload` into the first bytes of `target`. @returns the frame's chain. */
export function writeFrameHeader(
  target: Buffer,
  kind: FrameKind,
  payload: Uint8Array,
  previous: number,
): number {
  target.writeUInt32LE(MAGIC[kind], 0);
  target.writeUInt32LE(payload.length, 4);
  target.writeUInt32LE(crc32(payload), 8);
  target.writeUInt32LE(previous, 12);
  const chain = crc32(target.subarray(0, 16));
  target.writeUInt32LE(chain, 16);
  return chain;
}

/** Reads the header at `offset`; undefined when it is incomplete or damaged. */
export function readFrameHeader(source: Buffer, offset: number): FrameHeader | undefined {
  if (offset + FRAME_HEADER_BYTES > source.length) return undefined;
  const kind = kindOf(source.readUInt32LE(offset));
  if (kind === undefined) return undefined;
  const chain = source.readUInt32LE(offset + 16);
  if (crc32(source.subarray(offset, offset + 16)) !== chain) return undefined;
  const length = source.readUInt32LE(offset + 4);
  if (length > MAX_PAYLOAD_BYTES) return undefined;
  return {
    kind,
    length,
    checksum: source.readUInt32LE(offset + 8),
    previous: source.readUInt32LE(offset + 12),
    chain,
  };
}

/** Returns the offset of the first valid header at or after `from`, or undefined. */
export function findFrameHeader(source: Buffer, from: number): number | undefined {
  for (let at = source.indexOf(0xff, from); at >= 0; at = source.indexOf(0xff, at + 1)) {
    if (readFrameHeader(source, at) !== undefined) return at;
  }
  return undefined;
}

function kindOf(magic: number): FrameKind | undefined {
  if (magic === MAGIC.batch) return 'batch';
  return magic === MAGIC.segment ? 'segment' : undefined;
}
