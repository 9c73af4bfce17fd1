import type { LogReader, Position } from '../log.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import { damagedLog, readChain, type Chain, type ChainedSegment } from './chain.ts';
import type { CheckpointFile, SavedLog } from './checkpoint.ts';
import type { FileSystemPort, LogFile } from './files.ts';
import { Keys } from './keys.ts';
import { openPayload, readLine, recordLines } from './payload.ts';
import { Places } from './places.ts';
import { shortLog } from './reader.ts';
import { FrameScanner, type Frame } from './scan.ts';
import { segmentName } from './segment.ts';

/** Unfinished bytes at the log's end, which an opening ignored. None of them had been acknowledged. */
export interface Recovery {
  readonly cutBytes: number;
  /** The name of the file. */
  readonly segment: string;
  /** The offset in the file at which the log ends. */
  readonly offset: number;
  readonly reason: string;
}

/** The end of the log on the disk. */
export interface Tail {
  readonly segment: number;
  /** In bytes. */
  readonly end: number;
  /** The chain of the last frame. */
  readonly chain: number;
}

/** The findings of opening the log. */
export interface Recovered {
  readonly keys: Keys;
  readonly places: Places;
  /** Undefined for a log that was never written. */
  readonly tail: Tail | undefined;
  /** The time of the last frame, in milliseconds since 1970; 0 when there is none. */
  readonly lastAt: number;
  readonly nextSegment: number;
  /** The number of this opening. */
  readonly epoch: number;
  readonly recovery: Recovery | null;
  /** The position of the checkpoint from which the reader continued; 0 when it read the whole log. */
  readonly replayedFrom: Position;
  /** The number of lost records; 0 unless the loss was accepted. */
  readonly lostRecords: number;
}

export interface RecoverOptions {
  readonly files: FileSystemPort;
  readonly folder: string;
  readonly checkpoint: CheckpointFile;
  readonly reader: LogReader;
  readonly acceptLoss: boolean;
}

/**
 * Reads the log, or the part after its checkpoint, and passes it to the reader. The result is durable, including the
 * last frame of a killed writer that had not been synced.
 * @throws LOG_DAMAGED naming file and offset. @throws LOG_SHORT when the checkpoint has more records.
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { files, folder, checkpoint, reader, acceptLoss } = options;
  // The checkpoint is read first, because a log only grows while it is written.
  const found = await checkpoint.load();
  const chain = await readChain(files, folder);
  const saved = found?.saved;
  const isOurs = saved !== undefined && (await isOf(chain, saved, files));
  const isRestored = reader.restore(isOurs ? { position: saved.position, state: saved.state } : undefined);
  const replay = new Replay(files, reader, isOurs && isRestored ? saved : undefined);
  await replay.enterSaved();
  await replay.readAll(chain.segments);
  const { keys, places, tail, lastAt } = replay;
  const lostRecords = Math.max(0, (found?.position ?? 0) - places.count);
  if (lostRecords > 0) {
    if (!acceptLoss) throw shortLog(places.count, places.count + lostRecords);
    await checkpoint.remove();
  }
  if (tail !== undefined) await makeDurable(files, folder, chain.segments.at(-1)!);
  return {
    keys,
    places,
    tail,
    lastAt,
    nextSegment: chain.next,
    epoch: (chain.segments.at(-1)?.epoch ?? 0) + 1,
    recovery: replay.recovery ?? unbornIn(chain),
    replayedFrom: isOurs && isRestored ? saved.position : 0,
    lostRecords,
  };
}

/** True when a checkpoint belongs to this log. */
async function isOf({ segments }: Chain, saved: SavedLog, files: FileSystemPort): Promise<boolean> {
  const isSame = saved.places.segments.every((old, i) => {
    const now = segments[i];
    return now?.segment === old.segment && now.first === old.first && now.chain === old.chain;
  });
  const last = segments[saved.places.segments.length - 1];
  const { segment, offset, chain } = saved.lastFrame;
  if (!isSame || last?.segment !== segment || offset >= last.end) return false;
  const file = await files.open(last.path, 'read');
  try {
    const [frame] = await new FrameScanner(file, { from: offset, to: last.end }).next();
    return frame?.header.chain === chain;
  } finally {
    await file.close();
  }
}

/** One pass over the log. */
class Replay {
  readonly keys: Keys;
  readonly places: Places;
  tail: Tail | undefined;
  lastAt = 0;
  recovery: Recovery | null = null;
  readonly #files: FileSystemPort;
  readonly #reader: LogReader;
  readonly #saved: SavedLog | undefined;
  readonly #slice = new WorkSlice();

  constructor(files: FileSystemPort, reader: LogReader, saved: SavedLog | undefined) {
    this.#files = files;
    this.#reader = reader;
    this.#saved = saved;
    this.keys = new Keys(saved?.keys);
    this.places = new Places(saved?.places);
  }

  /** Makes the saved keys findable. */
  async enterSaved(): Promise<void> {
    while (this.keys.enterSome(1024)) {
      if (this.#slice.isOver()) await this.#slice.yieldToEventLoop();
    }
  }

  async readAll(segments: readonly ChainedSegment[]): Promise<void> {
    const from = Math.max(0, (this.#saved?.places.segments.length ?? 0) - 1);
    for (const [i, segment] of segments.entries()) {
      if (i < from) continue;
      const file = await this.#files.open(segment.path, 'read');
      try {
        await this.#readSegment(file, segment, i === segments.length - 1);
      } finally {
        await file.close();
      }
    }
  }

  async #readSegment(file: LogFile, segment: ChainedSegment, isLast: boolean): Promise<void> {
    const scanner = this.#scannerOf(file, segment);
    for (let frames = await scanner.next(); frames.length > 0; frames = await scanner.next()) {
      for (const frame of frames) await this.#readFrame(frame, segment.segment);
    }
    const { damage } = scanner;
    if (damage !== undefined) {
      if (!isLast || !damage.torn) throw damagedLog(segment.segment, damage.offset, damage.reason);
      const { offset, reason } = damage;
      const cutBytes = segment.end - offset;
      this.recovery = { cutBytes, segment: segmentName(segment.segment), offset, reason };
    }
    if (segment.lastChain !== undefined && scanner.chain !== segment.lastChain)
      throw damagedLog(segment.segment, segment.end, 'the next segment does not follow this one');
    this.tail = { segment: segment.segment, end: scanner.offset, chain: scanner.chain! };
  }

  /** Returns a scanner of the whole segment, or of the part after the last frame of the checkpoint. */
  #scannerOf(file: LogFile, { segment, first, start, end, chain }: ChainedSegment): FrameScanner {
    if (this.#saved?.lastFrame.segment === segment)
      return new FrameScanner(file, { from: this.#saved.lastFrame.offset, to: end });
    if (first !== this.places.count)
      throw damagedLog(segment, 0, `the segment begins with record ${first}, not ${this.places.count}`);
    this.places.addSegment({ segment, first, start, chain });
    return new FrameScanner(file, { from: start, to: end, previous: chain });
  }

  async #readFrame(frame: Frame, segment: number): Promise<void> {
    const { head, recordsStart } = openPayload(frame.payload);
    const { places } = this;
    const payloadStart = frame.end - frame.payload.length;
    if (head.first >= places.count) places.addFrame(frame.offset, head.at);
    let position = head.first;
    for (const line of recordLines(frame.payload, recordsStart)) {
      if (position === places.count) {
        const { record, text } = readLine(frame.payload, line);
        places.addRecord(payloadStart + line.start, line.end - line.start);
        this.keys.add(record);
        this.#reader.visit({ record, text, position, at: head.at });
        if (this.#slice.isOver()) await this.#slice.yieldToEventLoop();
      }
      position++;
    }
    this.lastAt = head.at;
    if (position !== head.first + head.n || position !== places.count)
      throw damagedLog(segment, frame.offset, `the frame does not hold the records that belong here`);
  }
}

/** Syncs the log's end: the last frame of a killed writer, which counts, may be only in the system's memory. */
async function makeDurable(files: FileSystemPort, folder: string, last: ChainedSegment): Promise<void> {
  const file = await files.open(last.path, 'read');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.syncFolder(folder);
}

function unbornIn({ unborn }: Chain): Recovery | null {
  const file = unborn.find(({ bytes }) => bytes > 0);
  if (file === undefined) return null;
  const reason = 'the segment was never finished';
  return { cutBytes: file.bytes, segment: segmentName(file.segment), offset: 0, reason };
}
