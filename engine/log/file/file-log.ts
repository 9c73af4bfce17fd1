import { FleetError, messageOf } from '../../errors.ts';
import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import { readOwnLine, verifyLine } from '../../record/line.ts';
import type { SealedRecord } from '../../record/record.ts';
import type { Appended, Batch, Checkpoint, Log, LogReader, Position, StoredRecord } from '../log.ts';
import { damagedLog } from './chain.ts';
import { CheckpointFile } from './checkpoint.ts';
import { Committer, type Commit } from './committer.ts';
import { nodeFiles, type FileSystemPort } from './files.ts';
import { FRAME_HEADER_BYTES, readFrameHeader } from './frame.ts';
import type { Keys } from './keys.ts';
import { OpenSegments } from './open-segments.ts';
import { signatureIn } from './payload.ts';
import type { Place, Places } from './places.ts';
import { readParts } from './records.ts';
import { recover, type Recovered, type Recovery } from './recover.ts';
import { SegmentWriter } from './segment-writer.ts';

export type { Recovery } from './recover.ts';

export interface FileLogOptions {
  /** The home's `log/` folder; made when it is missing. */
  readonly dir: string;
  /** The home's `index/` folder, where the checkpoint is kept; made when it is needed. */
  readonly checkpointDir: string;
  readonly reader: LogReader;
  /** The opener of the log, for people who read its segments; at most 256 characters. */
  readonly epochOwner?: string;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Opens a log that has lost records of its checkpoint. Default: refuses it. */
  readonly acceptLoss?: boolean;
  /** The size at which a segment is followed by another. Default: 64 MiB; at most 1 GiB. */
  readonly segmentBytes?: number;
  readonly files?: FileSystemPort;
}

/** The findings of opening the log, beside its records. */
export interface Opening {
  /** The unfinished bytes at the end, which were ignored; null for a log that was closed or lost nothing. */
  readonly recovery: Recovery | null;
  /** The position of the state from which the reader continued; 0 when it read the whole log. */
  readonly replayedFrom: Position;
  /** The number of lost records of the checkpoint; 0 without `acceptLoss`. */
  readonly lostRecords: number;
  /** The number of the opening, which rises when an opening has written. */
  readonly epoch: number;
}

export interface FileLog extends Log {
  readonly opening: Opening;
  /** The same as `opening.recovery`. */
  readonly recovery: Recovery | null;
}

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_SEGMENT_BYTES = 1024 * 1024 * 1024;
const MAX_OWNER_CHARS = 256;
/** The maximum text length of a batch, which is one frame and one string. */
const MAX_BATCH_CHARS = 256 * 1024 * 1024;

/**
 * Opens the log of a home. The caller holds the lease on the home, and this process is its only writer.
 *
 * Opening writes nothing. The first append creates a segment of this opening's own, whose header contains the end of
 * the one before it. So an unfinished end is cut off, durably, without a change to its file; until then every opening
 * finds it again.
 * @throws LOG_DAMAGED naming file and offset, LOG_SHORT, HOME_NEWER, UNAVAILABLE when the system refuses.
 */
export async function openFileLog(options: FileLogOptions): Promise<FileLog> {
  const { dir: folder, reader, acceptLoss = false, files = nodeFiles } = options;
  const checkpoint = new CheckpointFile(files, options.checkpointDir);
  try {
    await files.makeFolder(folder);
    const recovered = await recover({ files, folder, checkpoint, reader, acceptLoss });
    return new OpenFileLog(options, files, checkpoint, recovered);
  } catch (cause) {
    if (FleetError.is(cause)) throw cause;
    throw new FleetError('UNAVAILABLE', `the log in '${folder}' cannot be opened: ${messageOf(cause)}`, {
      cause,
    });
  }
}

class OpenFileLog implements FileLog {
  readonly opening: Opening;
  readonly #folder: string;
  readonly #files: FileSystemPort;
  readonly #checkpoint: CheckpointFile;
  readonly #keys: Keys;
  readonly #places: Places;
  readonly #segments: OpenSegments;
  readonly #writer: SegmentWriter;
  readonly #committer: Committer;
  #pendingEnd: Position;
  #checkpointed: Position;
  #saving: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(
    options: FileLogOptions,
    files: FileSystemPort,
    checkpoint: CheckpointFile,
    recovered: Recovered,
  ) {
    const { keys, places, tail, lastAt, nextSegment, epoch, recovery, replayedFrom, lostRecords } = recovered;
    const { dir: folder, now, epochOwner, segmentBytes = DEFAULT_SEGMENT_BYTES } = options;
    this.opening = { recovery, replayedFrom, lostRecords, epoch };
    this.#folder = folder;
    this.#files = files;
    this.#checkpoint = checkpoint;
    this.#keys = keys;
    this.#places = places;
    this.#segments = new OpenSegments(files, folder);
    this.#writer = new SegmentWriter({
      files,
      folder,
      epoch,
      owner: epochOwner?.slice(0, MAX_OWNER_CHARS) ?? null,
      tail,
      nextSegment,
      segmentBytes: Math.min(segmentBytes, MAX_SEGMENT_BYTES),
    });
    this.#committer = new Committer({
      writer: this.#writer,
      now,
      lastAt,
      onCommit: commit => {
        this.#place(commit);
      },
    });
    this.#pendingEnd = places.count;
    this.#checkpointed = replayedFrom;
  }

  get end(): Position {
    return this.#places.count;
  }

  get pendingEnd(): Position {
    return this.#pendingEnd;
  }

  get failed(): Promise<Error> {
    return this.#committer.failed;
  }

  get recovery(): Recovery | null {
    return this.opening.recovery;
  }

  async append(batch: Batch, options: { readonly expectedEnd?: Position } = {}): Promise<Appended> {
    this.#refuse(batch, options.expectedEnd);
    const first = this.#pendingEnd;
    for (const { record } of batch.records) this.#keys.add(record);
    this.#pendingEnd += batch.records.length;
    return this.#committer.append(batch, first);
  }

  find(id: RecordId): Position | undefined {
    return this.#keys.findId(id, position => this.#recordAt(position).record.id === id);
  }

  findByKey(actor: Did, thread: ThreadId, clock: number): Position | undefined {
    return this.#keys.findByKey(actor, thread, clock, position => {
      const { record } = this.#recordAt(position);
      return record.clock === clock && record.thread === thread && record.actor === actor;
    });
  }

  async get(position: Position): Promise<StoredRecord> {
    this.#checkDurable(position);
    const place = this.#places.at(position);
    const bytes = await this.#segments.read(place.segment, place.offset, place.length);
    return { ...decodeAt(place, bytes), position, at: place.at };
  }

  async *read(
    from: Position,
    options: { readonly to?: Position; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<StoredRecord> {
    const range = { from: Math.max(0, from), to: Math.min(options.to ?? this.end, this.end) };
    const parts = this.#places.parts(this.#folder, range.from, range.to);
    for await (const batch of readParts(this.#files, parts, { ...range, signal: options.signal })) {
      for (const { record, position, at } of batch) {
        yield { record: record.record, text: record.text, position, at };
      }
    }
  }

  async signatureAt(position: Position): Promise<Batch['signature']> {
    this.#checkDurable(position);
    const { segment, offset, first, recordsStart } = this.#places.frameAt(position);
    const front = await this.#segments.read(segment, offset, recordsStart - offset);
    if (readFrameHeader(front, 0)?.kind !== 'batch')
      throw damagedLog(segment, offset, 'the frame has no valid header');
    const line = signatureIn(front.subarray(FRAME_HEADER_BYTES), position - first);
    if (line === undefined) return undefined;
    const { by, sig, from, n } = line;
    return { by, sig, ids: line.ids ?? (await this.#idsFrom(first + from, n)) };
  }

  saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const saved = this.#saving.then(() => this.#save(checkpoint));
    this.#saving = saved.catch(() => undefined);
    return saved;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #refuse({ records }: Batch, expectedEnd: Position | undefined): void {
    if (this.#committer.poison !== undefined) throw this.#committer.poison;
    if (this.#closing !== undefined) throw new FleetError('UNAVAILABLE', 'the log is closed');
    if (expectedEnd !== undefined && expectedEnd !== this.#pendingEnd) {
      throw new FleetError('CONFLICT', `the log ends at ${this.#pendingEnd}, not at ${expectedEnd}`, {
        details: { expectedEnd, pendingEnd: this.#pendingEnd },
      });
    }
    const chars = records.reduce((sum, { text }) => sum + text.length, 0);
    if (chars > MAX_BATCH_CHARS) {
      throw new FleetError('TOO_LARGE', `a batch of ${chars} characters is too large for the log`, {
        details: { limit: MAX_BATCH_CHARS },
      });
    }
  }

  #place({ written, frame, at }: Commit): void {
    if (written.begun !== undefined) this.#places.addSegment(written.begun);
    this.#places.addFrame(written.offset, at);
    let offset = written.offset + frame.recordsStart;
    for (const length of frame.lengths) {
      this.#places.addRecord(offset, length);
      offset += length + 1;
    }
  }

  /** Returns any record, durable or not. */
  #recordAt(position: Position): SealedRecord {
    if (position >= this.end) return this.#committer.pendingAt(position)!;
    const place = this.#places.at(position);
    return decodeAt(place, this.#segments.readSync(place.segment, place.offset, place.length));
  }

  async #idsFrom(first: Position, count: number): Promise<RecordId[]> {
    const ids: RecordId[] = [];
    for await (const { record } of this.read(first, { to: first + count })) ids.push(record.id);
    return ids;
  }

  #checkDurable(position: Position): void {
    if (this.#closing !== undefined) throw new FleetError('UNAVAILABLE', 'the log is closed');
    if (Number.isSafeInteger(position) && position >= 0 && position < this.end) return;
    throw new FleetError('NOT_FOUND', `no record at position ${position}: the log ends at ${this.end}`, {
      details: { position, end: this.end },
    });
  }

  async #save({ position, state }: Checkpoint): Promise<void> {
    if (position > this.#pendingEnd)
      throw new FleetError('INTERNAL', `a checkpoint at ${position} is beyond the log's end`);
    // An empty append resolves when everything before it is durable.
    if (position > this.end) await this.#committer.append({ records: [] }, this.#pendingEnd);
    if (position <= this.#checkpointed) return;
    const { segment, offset } = this.#places.frameAt(position - 1);
    try {
      const header = readFrameHeader(await this.#segments.read(segment, offset, FRAME_HEADER_BYTES), 0);
      if (header === undefined) throw damagedLog(segment, offset, 'the frame has no valid header');
      const lastFrame = { segment, offset, chain: header.chain };
      const keys = this.#keys.view(position);
      await this.#checkpoint.save({ position, lastFrame, keys, places: this.#places.view(position), state });
    } catch (cause) {
      throw new FleetError('UNAVAILABLE', `the checkpoint cannot be saved: ${messageOf(cause)}`, { cause });
    }
    this.#checkpointed = position;
  }

  async #close(): Promise<void> {
    await this.#committer.idle();
    await this.#saving;
    await this.#writer.close();
    await this.#segments.close();
  }
}

/** Decodes a record without its frame's checksum: its own hash proves it. */
function decodeAt({ segment, offset }: Place, bytes: Buffer): SealedRecord {
  let sealed: SealedRecord | undefined;
  try {
    sealed = readOwnLine(bytes.toString());
  } catch {
    // Reported below, as a record that does not match its id.
  }
  if (sealed === undefined || !verifyLine(sealed))
    throw damagedLog(segment, offset, 'the record is not readable');
  return sealed;
}
