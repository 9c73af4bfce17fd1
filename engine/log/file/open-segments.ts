import type { FileSystemPort, LogFile } from './files.ts';
import { segmentPath } from './segment.ts';

/** The number of segments that are kept open for reading single records. */
const MAX_OPEN = 16;

interface Entry {
  readonly file: LogFile;
  users: number;
}

/** Keeps the files open from which single records were read last. */
export class OpenSegments {
  readonly #files: FileSystemPort;
  readonly #folder: string;
  /** In order of use, the latest last. */
  readonly #entries = new Map<number, Entry>();

  readonly #readings = new Set<Promise<number>>();

  constructor(files: FileSystemPort, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  async read(segment: number, offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    const entry = this.#use(segment);
    const reading = entry.file.read(bytes, offset);
    entry.users++;
    this.#readings.add(reading);
    try {
      return bytes.subarray(0, await reading);
    } finally {
      entry.users--;
      this.#readings.delete(reading);
    }
  }

  readSync(segment: number, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, this.#use(segment).file.readSync(bytes, offset));
  }

  /** Waits for the reads under way. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#readings);
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ file }) => file.close()));
  }

  #use(segment: number): Entry {
    const entry = this.#entries.get(segment) ?? {
      file: this.#files.openSync(segmentPath(this.#folder, segment)),
      users: 0,
    };
    this.#entries.delete(segment);
    // Closed before the new one is added, which would be the candidate while all others are in use.
    this.#closeOldest();
    this.#entries.set(segment, entry);
    return entry;
  }

  /** Makes room for one more file, unless all are in use. */
  #closeOldest(): void {
    if (this.#entries.size < MAX_OPEN) return;
    for (const [segment, { file, users }] of this.#entries) {
      if (users > 0) continue;
      this.#entries.delete(segment);
      void file.close().catch(() => undefined);
      return;
    }
  }
}
