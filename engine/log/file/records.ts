import type { SealedRecord } from '../../record/record.ts';
import type { Position } from '../log.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import { damagedLog } from './chain.ts';
import type { FileSystemPort, LogFile } from './files.ts';
import { openPayload, readLine, recordLines } from './payload.ts';
import { FrameScanner, type Frame } from './scan.ts';

/** A record and the place of its line. */
export interface LocatedRecord {
  readonly record: SealedRecord;
  readonly position: Position;
  /** The time at which it was written, in milliseconds since 1970. */
  readonly at: number;
  /** The number of the segment. */
  readonly segment: number;
  /** The offset of the record's line in the segment, in bytes. */
  readonly offset: number;
  /** The length of the line, in bytes, without its newline. */
  readonly length: number;
  /** The offset of the frame that holds the record. */
  readonly frame: number;
}

/** A range of a segment to read. */
export interface Part {
  readonly segment: number;
  readonly path: string;
  /** The offset of the first frame, in bytes. */
  readonly start: number;
  /** The offset of the end, in bytes; Infinity for the end of the file. */
  readonly end: number;
  /** True when unfinished bytes at the end are valid, as they are beside a writer. */
  readonly mayBeTorn: boolean;
}

export interface RecordRange {
  readonly from: Position;
  /** Exclusive; Infinity for all. */
  readonly to: Position;
  readonly signal?: AbortSignal | undefined;
}

/** The maximum number of records in one array. */
export const BATCH_RECORDS = 256;

/**
 * Reads the records of a range from consecutive parts, in arrays of neighbours.
 * @returns the position up to which it read: `range.to`, or less when the parts end before.
 * @throws LOG_DAMAGED naming file and offset, also when the first part begins after `range.from`.
 */
export async function* readParts(
  files: FileSystemPort,
  parts: Iterable<Part>,
  range: RecordRange,
): AsyncGenerator<readonly LocatedRecord[], Position> {
  let end = range.from;
  for (const part of parts) {
    if (end >= range.to) break;
    range.signal?.throwIfAborted();
    const file = await files.open(part.path, 'read');
    try {
      end = yield* readPart(file, part, { ...range, from: end });
    } finally {
      await file.close();
    }
  }
  return end;
}

async function* readPart(
  file: LogFile,
  part: Part,
  range: RecordRange,
): AsyncGenerator<readonly LocatedRecord[], Position> {
  const scanner = new FrameScanner(file, { from: part.start, to: Math.min(part.end, await file.size()) });
  const slice = new WorkSlice();
  let end = range.from;
  for (let frames = await scanner.next(); frames.length > 0; frames = await scanner.next()) {
    for (const frame of frames) {
      for (const batch of batchesOf(frame, part.segment, end, range.to)) {
        range.signal?.throwIfAborted();
        end = batch.at(-1)!.position + 1;
        yield batch;
        if (slice.isOver()) await slice.yieldToEventLoop();
      }
      if (end >= range.to) return end;
    }
  }
  const { damage } = scanner;
  if (damage !== undefined && !(damage.torn && part.mayBeTorn))
    throw damagedLog(part.segment, damage.offset, damage.reason);
  return end;
}

/** Yields the records of a frame from position `from` on and before `to`. */
function* batchesOf(frame: Frame, segment: number, from: Position, to: Position): Generator<LocatedRecord[]> {
  const { head, recordsStart } = openPayload(frame.payload);
  if (head.first > from) throw damagedLog(segment, frame.offset, `records from ${from} on are missing`);
  const payloadStart = frame.end - frame.payload.length;
  let batch: LocatedRecord[] = [];
  let position = head.first - 1;
  for (const line of recordLines(frame.payload, recordsStart)) {
    position++;
    if (position < from) continue;
    if (position >= to) break;
    batch.push({
      record: readLine(frame.payload, line),
      position,
      at: head.at,
      segment,
      offset: payloadStart + line.start,
      length: line.end - line.start,
      frame: frame.offset,
    });
    if (batch.length === BATCH_RECORDS) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
