import { FleetError, systemCodeOf } from '../../errors.ts';
import type { Position } from '../log.ts';
import type { FileSystemPort, LogFile } from './files.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame.ts';
import type { PlacedSegment } from './places.ts';
import type { Tail } from './recover.ts';
import { LOG_FORMAT, encodeSegmentHeader, segmentName, segmentPath, type SegmentHeader } from './segment.ts';

export interface SegmentWriterOptions {
  readonly files: FileSystemPort;
  readonly folder: string;
  readonly epoch: number;
  readonly owner: string | null;
  /** The end of the log; undefined for a new log. */
  readonly tail: Tail | undefined;
  readonly nextSegment: number;
  /** The size at which a segment is followed by another. */
  readonly segmentBytes: number;
}

/** The place of a written frame. */
export interface Written {
  readonly offset: number;
  /** The new segment that begins with the frame; undefined when the frame continues one. */
  readonly begun: PlacedSegment | undefined;
}

/**
 * Writes frames into segments that no other process writes. Each is created exclusively with its first frame, and names
 * the end of the one before. Bytes that an earlier writer without its lease still adds to its own segment are after
 * that end, and do not count.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #tail: Tail | undefined;
  #next: number;
  #file: LogFile | undefined;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#tail = options.tail;
    this.#next = options.nextSegment;
  }

  /**
   * Writes a frame, whose first 20 bytes are still free; resolves when it is durable. Not for concurrent calls, nor
   * after an error.
   */
  async write(frame: Buffer, first: Position): Promise<Written> {
    const { segmentBytes } = this.#options;
    const isFull = this.#tail !== undefined && this.#tail.end + frame.length > segmentBytes;
    if (this.#file === undefined || isFull) return this.#begin(frame, first);
    const { segment, end: offset, chain: previous } = this.#tail!;
    const chain = writeFrameHeader(frame, 'batch', frame.subarray(FRAME_HEADER_BYTES), previous);
    await this.#file.write([frame], offset);
    await this.#file.datasync();
    this.#tail = { segment, end: offset + frame.length, chain };
    return { offset, begun: undefined };
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Writes a frame as the first of a new segment. */
  async #begin(frame: Buffer, first: Position): Promise<Written> {
    const { files, folder } = this.#options;
    const segment = this.#next++;
    await this.close();
    const header = encodeSegmentHeader(this.#headerOf(segment, first), this.#tail?.chain ?? 0);
    const offset = header.bytes.length;
    const chain = writeFrameHeader(frame, 'batch', frame.subarray(FRAME_HEADER_BYTES), header.chain);
    const file = await this.#create(segment);
    this.#file = file;
    await file.write([header.bytes, frame], 0);
    await file.datasync();
    await files.syncFolder(folder);
    this.#tail = { segment, end: offset + frame.length, chain };
    return { offset, begun: { segment, first, start: offset, chain: header.chain } };
  }

  #headerOf(segment: number, first: Position): SegmentHeader {
    const { epoch, owner } = this.#options;
    const previous = this.#tail === undefined ? null : { segment: this.#tail.segment, end: this.#tail.end };
    return { format: LOG_FORMAT, epoch, owner, segment, first, previous };
  }

  async #create(segment: number): Promise<LogFile> {
    const { files, folder } = this.#options;
    try {
      return await files.open(segmentPath(folder, segment), 'create');
    } catch (cause) {
      if (systemCodeOf(cause) !== 'EEXIST') throw cause;
      throw new FleetError('LEASE_HELD', `another process has written ${segmentName(segment)} of this log`, {
        details: { file: segmentName(segment) },
        cause,
      });
    }
  }
}
