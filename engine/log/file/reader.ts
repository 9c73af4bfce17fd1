import { FleetError } from '../../errors.ts';
import type { Position } from '../log.ts';
import { readChain, type ChainedSegment } from './chain.ts';
import { nodeFiles, type FileSystemPort } from './files.ts';
import { FRAME_HEADER_BYTES, readFrameHeader } from './frame.ts';
import { MAX_HEAD_BYTES, readHead } from './payload.ts';
import { readParts, type LocatedRecord, type Part } from './records.ts';

export { BATCH_RECORDS, type LocatedRecord } from './records.ts';

export interface ReadSegmentsOptions {
  readonly fromPosition: Position;
  /**
   * The `segment` and `frame` of a record at or before `fromPosition`, so that nothing before it is read. An invalid or
   * outdated hint is ignored.
   */
  readonly hint?: { readonly segment: number; readonly offset: number } | undefined;
  /**
   * The position before which reading stops. A caller that reads beside the writer passes its `end`, and gets every
   * record up to there or an error. Without it, reading stops at the end of the undamaged log.
   */
  readonly to?: { readonly position: Position } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly files?: FileSystemPort;
}

/**
 * Reads the records of a log folder in order, with or without a running writer; writes nothing.
 * @throws LOG_DAMAGED naming file and offset. @throws LOG_SHORT when the log ends before `to`.
 */
export async function* readSegments(
  folder: string,
  options: ReadSegmentsOptions,
): AsyncGenerator<LocatedRecord> {
  for await (const batch of readSegmentBatches(folder, options)) yield* batch;
}

/** As `readSegments`, in arrays of up to BATCH_RECORDS neighbours: each step of an async iterator has a cost. */
export async function* readSegmentBatches(
  folder: string,
  options: ReadSegmentsOptions,
): AsyncGenerator<readonly LocatedRecord[]> {
  const { fromPosition, to, signal, files = nodeFiles } = options;
  if (to !== undefined && to.position <= fromPosition) return;
  const parts = await partsFrom(files, folder, options);
  const range = { from: fromPosition, to: to?.position ?? Infinity, signal };
  const end = yield* readParts(files, parts, range);
  if (to !== undefined && end < to.position) throw shortLog(end, to.position);
}

/** Returns the error for a log that has lost its end. */
export function shortLog(end: Position, expected: Position): FleetError {
  return new FleetError('LOG_SHORT', `the log ends at record ${end}, but had ${expected} records before`, {
    details: { end, expected },
    hint: "Restore the home's log/ folder from a copy, or run 'spl doctor --accept-loss' to continue without them.",
  });
}

async function partsFrom(
  files: FileSystemPort,
  folder: string,
  options: ReadSegmentsOptions,
): Promise<Part[]> {
  const { fromPosition, hint } = options;
  if (hint !== undefined) {
    const { segments } = await readChain(files, folder, hint.segment);
    const [first] = segments;
    if (first?.segment === hint.segment && (await isUsable(files, first, hint.offset, fromPosition)))
      return toParts(segments, fromPosition, hint.offset);
  }
  const { segments } = await readChain(files, folder);
  return toParts(segments, fromPosition);
}

/** Drops the segments that end before `from`. */
function toParts(segments: readonly ChainedSegment[], from: Position, hinted?: number): Part[] {
  const parts = segments.map(({ segment, path, start, end }, i) => ({
    segment,
    path,
    start: i === 0 ? (hinted ?? start) : start,
    end,
    mayBeTorn: i === segments.length - 1,
  }));
  return parts.filter((_, i) => (segments[i + 1]?.first ?? Infinity) > from);
}

/** True when a frame begins at `offset` whose first record is not after `position`. */
async function isUsable(
  files: FileSystemPort,
  { path, start, end }: ChainedSegment,
  offset: number,
  position: Position,
): Promise<boolean> {
  if (offset < start || offset >= end) return false;
  const file = await files.open(path, 'read');
  try {
    const bytes = Buffer.alloc(Math.min(end - offset, FRAME_HEADER_BYTES + MAX_HEAD_BYTES));
    await file.read(bytes, offset);
    if (readFrameHeader(bytes, 0)?.kind !== 'batch') return false;
    const head = readHead(bytes.subarray(FRAME_HEADER_BYTES));
    return head !== undefined && head.first <= position;
  } finally {
    await file.close();
  }
}
