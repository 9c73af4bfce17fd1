import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { gapLine, isMissing, partName, partsOf, type AttemptPlace } from './layout.ts';

/** The size and the digest of a complete log. */
export interface WholeLog {
  readonly bytes: number;
  /** SHA-256 as lowercase hex. */
  readonly digest: string;
}

/** The files of one attempt while it prints, as layout.ts describes them. Not for concurrent calls. */
export class HeadAndTail {
  readonly place: AttemptPlace;
  readonly #headCap: number;
  readonly #partCap: number;
  /** The hash of the log so far. */
  readonly #hash = createHash('sha256');
  #head: GrowingFile | undefined;
  /** At most two parts: a full one, and a growing one. */
  #parts: GrowingFile[] = [];

  /** @param capBytes the maximum to store: one half for the head, and at least a quarter for the end */
  constructor(place: AttemptPlace, capBytes: number) {
    this.place = place;
    this.#partCap = Math.max(1, Math.floor(capBytes / 4));
    this.#headCap = Math.max(1, capBytes - 2 * this.#partCap);
  }

  /** The number of dropped bytes between head and tail. */
  get leftOut(): number {
    const [oldest] = this.#parts;
    return oldest === undefined ? 0 : oldest.start - this.#headCap;
  }

  /** The number of bytes written so far, including dropped ones. */
  get written(): number {
    const last = this.#parts.at(-1) ?? this.#head;
    return last === undefined ? 0 : last.start + last.size;
  }

  /** @throws the system's error; bytes that were written stay. */
  async append(block: Uint8Array): Promise<void> {
    for (let done = 0; done < block.length;) {
      const file = await this.#fileWithRoom();
      const stretch = block.subarray(done, done + file.room);
      await file.append(stretch);
      if (file === this.#head) this.#hash.update(stretch);
      done += stretch.length;
    }
  }

  /** Joins the parts to the log, after the last `append`. @throws the system's error; the parts stay valid then. */
  async join(): Promise<WholeLog> {
    if (this.leftOut > 0) await this.#appendToLog(Buffer.from(gapLine(this.leftOut)));
    for (const part of this.#parts) {
      for await (const chunk of createReadStream(part.path)) await this.#appendToLog(chunk as Buffer);
    }
    // The newest part comes first, so that concurrent readers see no false gap.
    for (const part of this.#parts.toReversed()) await unlink(part.path);
    return { bytes: this.#head?.size ?? 0, digest: this.#hash.digest('hex') };
  }

  /** Closes all files. */
  async close(): Promise<void> {
    for (const file of [this.#head, ...this.#parts]) await file?.close();
  }

  async #fileWithRoom(): Promise<GrowingFile> {
    this.#head ??= await this.#createHead();
    const last = this.#parts.at(-1) ?? this.#head;
    return last.room > 0 ? last : this.#nextPart(last.start + last.size);
  }

  async #createHead(): Promise<GrowingFile> {
    const { folder, log, path } = this.place;
    const create = async (): Promise<GrowingFile> => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return GrowingFile.create(path, 0, this.#headCap);
    };
    // Parts of an earlier process must not be mistaken for this one's.
    for (const part of await partsOf(folder, log)) await unlink(part.path);
    try {
      return await create();
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Pruning the output of another attempt may have removed the empty folder between the two steps.
      return create();
    }
  }

  async #nextPart(start: number): Promise<GrowingFile> {
    const path = join(this.place.folder, partName(this.place.log, this.#headCap, start));
    const part = await GrowingFile.create(path, start, this.#partCap);
    this.#parts.push(part);
    if (this.#parts.length > 2) {
      const oldest = this.#parts.shift();
      await oldest?.close();
      if (oldest !== undefined) await unlink(oldest.path);
    }
    return part;
  }

  async #appendToLog(bytes: Uint8Array): Promise<void> {
    await this.#head?.append(bytes);
    this.#hash.update(bytes);
  }
}

/** A new file of bounded size that is written from start to end. */
class GrowingFile {
  readonly path: string;
  /** The offset of its first byte in the output. */
  readonly start: number;
  readonly #cap: number;
  readonly #handle: FileHandle;
  size = 0;

  /** Creates the file, and replaces any at this path. */
  static async create(path: string, start: number, cap: number): Promise<GrowingFile> {
    return new GrowingFile(path, start, cap, await open(path, 'w', 0o600));
  }

  private constructor(path: string, start: number, cap: number, handle: FileHandle) {
    this.path = path;
    this.start = start;
    this.#cap = cap;
    this.#handle = handle;
  }

  get room(): number {
    return this.#cap - this.size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done);
      done += bytesWritten;
      this.size += bytesWritten;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
