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
   * The `segment` and `frame` of a record at or before `fromPosition`, so that nothing before it need be read.
   * A hint that is no such place, or no longer, is passed over.
   */
  readonly hint?: { readonly segment: number; readonly offset: number } | undefined;
  /**
   * The position to stop before: the record there is not read. A caller that reads beside the writer gives its `end`,
   * and gets every record up to there or an error; left out, the reading stops where the undamaged log does.
   */
  readonly to?: { readonly position: Position } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly files?: FileSystemPort;
}

/**
 * Reads the records of a log folder in order, beside its writer or without one; writes nothing.
 * @throws LOG_DAMAGED naming file and offset. @throws LOG_SHORT when the log ends before `to`.
 */
export async function* readSegments(
  folder: string,
  options: ReadSegmentsOptions,
): AsyncGenerator<LocatedRecord> {
  for await (const batch of readSegmentBatches(folder, options)) yield* batch;
}

/** As `readSegments`, up to BATCH_RECORDS neighbours at a time: a step of an async iterator is not free. */
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

/** The error for a log that has lost its end. */
export function shortLog(end: Position, expected: Position): FleetError {
  return new FleetError('LOG_SHORT', `the log ends at record ${end}, and had ${expected} records before`, {
    details: { end, expected },
    hint: "Restore the home's log/ folder from a copy, or run 'spl doctor --accept-loss' to go on without them.",
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

/** Leaves out the segments that end before `from`. */
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

/** Says whether a frame begins at `offset` whose first record is not behind `position`. */
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
