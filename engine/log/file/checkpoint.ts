import { endianness } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as v from 'valibot';
import type { Position } from '../log.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import type { FileSystemPort, LogFile } from './files.ts';
import type { SavedKeys } from './keys.ts';
import type { SavedPlaces } from './places.ts';

/** The data for which opening the log would otherwise read all of it. */
export interface SavedLog {
  readonly position: Position;
  /** The frame with the record before `position`; its chain identifies the log. */
  readonly lastFrame: { readonly segment: number; readonly offset: number; readonly chain: number };
  readonly keys: SavedKeys;
  readonly places: SavedPlaces;
  /** The state of the log's reader. */
  readonly state: Uint8Array;
}

/** The contents of a checkpoint file. A damaged one may still contain the length of the log. */
export interface ReadCheckpoint {
  readonly position: Position;
  readonly saved: SavedLog | undefined;
}

const FILE_NAME = 'log.checkpoint';
const MAGIC = 'SPLCHK01';
const PRELUDE_BYTES = 16;
const MAX_HEAD_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 4 * 1024 * 1024;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const headSchema = v.object({
  position: v.pipe(whole, v.minValue(1)),
  /** The byte order of the numbers below. It is the machine's, and a machine with another one ignores the file. */
  order: v.literal(endianness()),
  lastFrame: v.object({ segment: whole, offset: whole, chain: whole }),
  seed: v.tuple([whole, whole]),
  segments: v.array(v.object({ segment: whole, first: whole, start: whole, chain: whole })),
  frames: whole,
  stateBytes: whole,
  /** The CRC-32 of everything after the head. */
  checksum: whole,
});
type Head = v.InferOutput<typeof headSchema>;

/**
 * The checkpoint file: a prelude (magic, length and CRC-32 of the head), the head as JSON, then the columns of
 * `SavedLog` as they are in memory.
 */
export class CheckpointFile {
  readonly #files: FileSystemPort;
  readonly #folder: string;

  constructor(files: FileSystemPort, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  get #path(): string {
    return join(this.#folder, FILE_NAME);
  }

  /** Replaces the file atomically. */
  async save(saved: SavedLog): Promise<void> {
    const temporary = `${this.#path}.new`;
    const columns = columnsOf(saved).map(bytesOf);
    const front = encodeFront(await headOf(saved, columns));
    await this.#files.makeFolder(this.#folder);
    try {
      await writeAll(await this.#files.open(temporary, 'replace'), [front, ...columns]);
      await this.#files.rename(temporary, this.#path);
    } catch (error) {
      await this.#files.remove(temporary).catch(() => undefined);
      throw error;
    }
    await this.#files.syncFolder(this.#folder);
  }

  /** Reads the file; undefined when there is none, or it is unreadable: a checkpoint only saves time. */
  async load(): Promise<ReadCheckpoint | undefined> {
    let file: LogFile;
    try {
      file = await this.#files.open(this.#path, 'read');
    } catch {
      return undefined;
    }
    try {
      return await readFile(file);
    } catch {
      return undefined;
    } finally {
      await file.close();
    }
  }

  /** Removes the file, durably. */
  async remove(): Promise<void> {
    await this.#files.remove(this.#path);
    await this.#files.makeFolder(this.#folder);
    await this.#files.syncFolder(this.#folder);
  }
}

async function readFile(file: LogFile): Promise<ReadCheckpoint | undefined> {
  const prelude = Buffer.alloc(PRELUDE_BYTES);
  await file.read(prelude, 0);
  const headBytes = prelude.readUInt32LE(8);
  if (prelude.toString('latin1', 0, 8) !== MAGIC || headBytes > MAX_HEAD_BYTES) return undefined;
  const bytes = Buffer.alloc(headBytes);
  await file.read(bytes, PRELUDE_BYTES);
  if (crc32(bytes) !== prelude.readUInt32LE(12)) return undefined;
  const head = v.parse(headSchema, JSON.parse(bytes.toString()));
  return { position: head.position, saved: await readSaved(file, head, PRELUDE_BYTES + headBytes) };
}

async function readSaved(file: LogFile, head: Head, from: number): Promise<SavedLog | undefined> {
  const contentBytes = head.position * 24 + head.frames * 16 + head.stateBytes;
  if ((await file.size()) !== from + contentBytes) return undefined;
  const saved = emptyLike(head);
  const columns = columnsOf(saved).map(bytesOf);
  let offset = from;
  for (const column of columns) offset += await file.read(column, offset);
  return (await checksumOf(columns)) === head.checksum ? saved : undefined;
}

/** Makes a saved log of the size in the head, with columns still to be filled. */
function emptyLike({ position, lastFrame, seed, segments, frames, stateBytes }: Head): SavedLog {
  const numbers = (): Uint32Array => new Uint32Array(position);
  return {
    position,
    lastFrame,
    keys: { seed, idLow: numbers(), idHigh: numbers(), slotLow: numbers(), slotHigh: numbers() },
    places: {
      segments,
      offsets: numbers(),
      lengths: numbers(),
      frameFirsts: new Uint32Array(frames),
      frameOffsets: new Uint32Array(frames),
      frameTimes: new Float64Array(frames),
    },
    state: new Uint8Array(stateBytes),
  };
}

/** Returns the columns in the order of the file. */
function columnsOf({ keys, places, state }: SavedLog): ArrayBufferView[] {
  const { idLow, idHigh, slotLow, slotHigh } = keys;
  const { offsets, lengths, frameFirsts, frameOffsets, frameTimes } = places;
  return [idLow, idHigh, slotLow, slotHigh, offsets, lengths, frameFirsts, frameOffsets, frameTimes, state];
}

async function headOf(saved: SavedLog, columns: readonly Uint8Array[]): Promise<Head> {
  return {
    position: saved.position,
    order: endianness(),
    lastFrame: saved.lastFrame,
    seed: [...saved.keys.seed],
    segments: [...saved.places.segments],
    frames: saved.places.frameFirsts.length,
    stateBytes: saved.state.length,
    checksum: await checksumOf(columns),
  };
}

function encodeFront(head: Head): Buffer {
  const bytes = Buffer.from(JSON.stringify(head));
  const prelude = Buffer.alloc(PRELUDE_BYTES);
  prelude.write(MAGIC, 'latin1');
  prelude.writeUInt32LE(bytes.length, 8);
  prelude.writeUInt32LE(crc32(bytes), 12);
  return Buffer.concat([prelude, bytes]);
}

async function writeAll(file: LogFile, buffers: readonly Uint8Array[]): Promise<void> {
  try {
    let offset = 0;
    for (const buffer of buffers) {
      await file.write([buffer], offset);
      offset += buffer.length;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function checksumOf(columns: readonly Uint8Array[]): Promise<number> {
  const slice = new WorkSlice();
  let checksum = 0;
  for (const column of columns) {
    for (let from = 0; from < column.length; from += CHUNK_BYTES) {
      checksum = crc32(column.subarray(from, from + CHUNK_BYTES), checksum);
      if (slice.isOver()) await slice.yieldToEventLoop();
    }
  }
  return checksum;
}

const bytesOf = (column: ArrayBufferView): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
