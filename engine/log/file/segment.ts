import { join } from 'node:path';
import * as v from 'valibot';
import { FleetError } from '../../errors.ts';
import { FRAME_HEADER_BYTES, readFrameHeader, writeFrameHeader } from './frame.ts';
import { crc32 } from 'node:zlib';

/** The version of written segments, and the newest one that can be read. */
export const LOG_FORMAT = 1;

/** The largest segment header in bytes, including the header of its frame. */
export const MAX_SEGMENT_HEADER_BYTES = 4096;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.object({
  format: whole,
  /** The number of the opening that wrote the segment; it rises with each opening. */
  epoch: whole,
  /** The opener, for people. */
  owner: v.nullable(v.string()),
  /** The segment's own number. */
  segment: whole,
  /** The position of its first record. */
  first: whole,
  /** The segment before it and its end; bytes beyond the end do not count. */
  previous: v.nullable(v.object({ segment: whole, end: whole })),
});
export type SegmentHeader = v.InferOutput<typeof schema>;

/** A segment header from a file. */
export interface ReadSegmentHeader {
  readonly header: SegmentHeader;
  /** The chain of the last frame of the previous segment; 0 when there is none. */
  readonly previousChain: number;
  /** The chain of the header's own frame. */
  readonly chain: number;
  /** The offset of the first batch, in bytes. */
  readonly end: number;
}

/** `0000000000000001.seg` */
export const segmentName = (segment: number): string => `${String(segment).padStart(16, '0')}.seg`;
export const segmentPath = (folder: string, segment: number): string => join(folder, segmentName(segment));

/** Returns the number in the name of a segment's file, or undefined for other files. */
export function segmentOfName(name: string): number | undefined {
  return /^\d{16}\.seg$/.test(name) ? Number(name.slice(0, 16)) : undefined;
}

/** Encodes a segment's header. @returns its bytes and its chain. */
export function encodeSegmentHeader(
  header: SegmentHeader,
  previousChain: number,
): { readonly bytes: Buffer; readonly chain: number } {
  const payload = Buffer.from(JSON.stringify(header) + '\n');
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
  return { bytes, chain: writeFrameHeader(bytes, 'segment', payload, previousChain) };
}

/**
 * Decodes a segment's header from the first bytes of its file.
 * @returns undefined when it is incomplete or damaged.
 * @throws HOME_NEWER when a later version wrote it.
 */
export function decodeSegmentHeader(bytes: Buffer): ReadSegmentHeader | undefined {
  const frame = readFrameHeader(bytes, 0);
  if (frame?.kind !== 'segment') return undefined;
  const end = FRAME_HEADER_BYTES + frame.length;
  const payload = bytes.subarray(FRAME_HEADER_BYTES, end);
  if (payload.length !== frame.length || crc32(payload) !== frame.checksum) return undefined;
  const result = v.safeParse(schema, JSON.parse(payload.toString()));
  const format = result.success ? result.output.format : LOG_FORMAT + 1;
  if (!result.success || format > LOG_FORMAT) throw newerFormat(format);
  return { header: result.output, previousChain: frame.previous, chain: frame.chain, end };
}

function newerFormat(format: number): FleetError {
  return new FleetError(
    'HOME_NEWER',
    `the log has format ${format}; this version reads up to ${LOG_FORMAT}`,
    {
      details: { format, supported: LOG_FORMAT },
      hint: 'Update to the version that wrote it.',
    },
  );
}
