import { FleetError } from '../../errors.ts';
import type { FileSystemPort, LogFile } from './files.ts';
import { findNextFrame } from './scan.ts';
import {
  MAX_SEGMENT_HEADER_BYTES,
  decodeSegmentHeader,
  segmentName,
  segmentOfName,
  segmentPath,
  type ReadSegmentHeader,
} from './segment.ts';

/** One segment of the log, and its valid part. */
export interface ChainedSegment {
  readonly segment: number;
  readonly path: string;
  /** The number of the opening that wrote the segment. */
  readonly epoch: number;
  /** The position of its first record. */
  readonly first: number;
  /** The offset of its first batch, in bytes. */
  readonly start: number;
  /** The chain of its header's frame. */
  readonly chain: number;
  /** The end of the valid bytes: from the next segment's header, or the file's size for the last segment. */
  readonly end: number;
  /** The chain of its last frame, from the next segment's header; undefined for the last segment. */
  readonly lastChain: number | undefined;
}

/** The segments that make up the log. */
export interface Chain {
  /** From the first or requested segment to the last. Empty for a log that was never written. */
  readonly segments: readonly ChainedSegment[];
  /** Files after the last segment without a complete header: nothing in them was acknowledged. */
  readonly unborn: readonly { readonly segment: number; readonly bytes: number }[];
  /** The number that the next segment gets. */
  readonly next: number;
}

/**
 * Finds the segments of the log. The last one is the segment with the highest number and a complete header; each header
 * names the segment before it and its end. Files that no header names, and bytes beyond a named end, do not count: a
 * writer that lost its lease may have left both.
 * @param from the first segment to look at
 * @throws LOG_DAMAGED naming the file and the offset. @throws HOME_NEWER.
 */
export async function readChain(files: FileSystemPort, folder: string, from = 0): Promise<Chain> {
  const numbers = (await files.list(folder))
    .map(segmentOfName)
    .filter(number => number !== undefined)
    .sort((a, b) => b - a);
  const next = (numbers[0] ?? 0) + 1;
  const unborn: { segment: number; bytes: number }[] = [];
  for (const segment of numbers) {
    const found = await inspect(files, folder, segment);
    if (found.read !== undefined)
      return { segments: await walkBack(files, folder, segment, found, from), unborn, next };
    if (found.laterFrame !== undefined) throw damagedLog(segment, 0, 'the header of the segment is damaged');
    unborn.push({ segment, bytes: found.size });
  }
  return { segments: [], unborn, next };
}

/** Returns the error for damage that must not be ignored. */
export function damagedLog(segment: number, offset: number, reason: string): FleetError {
  const file = segmentName(segment);
  return new FleetError('LOG_DAMAGED', `the log is damaged in ${file} at byte ${offset}: ${reason}`, {
    details: { file, offset, reason },
    hint: "Restore the home's log/ folder from a copy. 'spl doctor' shows how much is readable.",
  });
}

interface Inspected {
  readonly read: ReadSegmentHeader | undefined;
  readonly size: number;
  /** The offset of a frame after an incomplete header: the header is damaged then, and not unfinished. */
  readonly laterFrame: number | undefined;
}

async function walkBack(
  files: FileSystemPort,
  folder: string,
  last: number,
  inspected: Inspected,
  from: number,
): Promise<ChainedSegment[]> {
  const segments: ChainedSegment[] = [];
  let segment = last;
  let { read, size } = inspected;
  let end = size;
  let lastChain: number | undefined;
  for (;;) {
    if (read?.header.segment !== segment)
      throw damagedLog(segment, 0, 'the segment has no valid header, and later segments follow it');
    if (size < end) throw damagedLog(segment, size, `the segment ends here, but should end at byte ${end}`);
    segments.push(chained(folder, read, end, lastChain));
    const { previous } = read.header;
    if (previous === null || segment <= from) return segments.reverse();
    if (previous.segment >= segment) throw damagedLog(segment, 0, 'the segment follows a later one');
    lastChain = read.previousChain;
    ({ segment, end } = previous);
    ({ read, size } = await inspect(files, folder, segment));
  }
}

function chained(
  folder: string,
  read: ReadSegmentHeader,
  end: number,
  lastChain: number | undefined,
): ChainedSegment {
  const { segment, epoch, first } = read.header;
  const path = segmentPath(folder, segment);
  return { segment, path, epoch, first, start: read.end, chain: read.chain, end, lastChain };
}

async function inspect(files: FileSystemPort, folder: string, segment: number): Promise<Inspected> {
  const file = await openSegment(files, folder, segment);
  try {
    const size = await file.size();
    const bytes = Buffer.alloc(Math.min(size, MAX_SEGMENT_HEADER_BYTES));
    await file.read(bytes, 0);
    const read = decodeSegmentHeader(bytes);
    return { read, size, laterFrame: read === undefined ? await findNextFrame(file, 1, size) : undefined };
  } finally {
    await file.close();
  }
}

async function openSegment(files: FileSystemPort, folder: string, segment: number): Promise<LogFile> {
  try {
    return await files.open(segmentPath(folder, segment), 'read');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw damagedLog(segment, 0, 'the segment is missing');
    throw error;
  }
}
