import * as fs from 'node:fs';
import { dirname } from 'node:path';

/** One open file of the log. */
export interface LogFile {
  /** Reads into the whole of `target`. @returns the number of bytes, smaller only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  readSync(target: Uint8Array, position: number): number;
  /** Writes all buffers in order, from `position` on. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves when all written bytes, and the length, would survive a loss of power. */
  datasync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** `create` rejects a file that exists (EEXIST); `replace` empties it. */
export type OpenMode = 'read' | 'create' | 'replace';

/** The file operations of the log, in which tests inject faults. Errors are the system's own. */
export interface FileSystemPort {
  /** The names in a folder, in no order; none when the folder does not exist. */
  list(folder: string): Promise<string[]>;
  /** Makes a folder, with its parents, durably. Does nothing when it exists. */
  makeFolder(folder: string): Promise<void>;
  open(path: string, mode: OpenMode): Promise<LogFile>;
  /** Opens synchronously for reading, for the rare read that can't wait. */
  openSync(path: string): LogFile;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or does nothing when there is none. */
  remove(path: string): Promise<void>;
  /** Makes the creation, renaming and removal of files in a folder durable. */
  syncFolder(folder: string): Promise<void>;
}

const { O_CREAT, O_DSYNC, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants;

/**
 * The flag with which writes to a segment return when they are durable. It replaces a write and a sync by one call,
 * with one thread to be woken. Other systems than Linux lack the flag, or give it a weaker meaning.
 */
const SYNCED = process.platform === 'linux' ? O_DSYNC : 0;

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY,
  create: O_WRONLY | O_CREAT | O_EXCL | SYNCED,
  replace: O_WRONLY | O_CREAT | O_TRUNC,
};

/** The file system of this machine. New files are private to their owner. */
export const nodeFiles: FileSystemPort = {
  async list(folder) {
    try {
      return await fs.promises.readdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  async makeFolder(folder) {
    const made = await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
    if (made === undefined) return;
    for (let parent = dirname(folder); ; parent = dirname(parent)) {
      await nodeFiles.syncFolder(parent);
      if (parent.length < made.length) return;
    }
  },
  async open(path, mode) {
    return new NodeFile(await openFd(path, mode), mode === 'create' && SYNCED !== 0);
  },
  openSync: path => new NodeFile(fs.openSync(path, FLAGS.read), false),
  rename: (from, to) => fs.promises.rename(from, to),
  remove: path => fs.promises.rm(path, { force: true }),
  async syncFolder(folder) {
    const handle = await fs.promises.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** The file system of this machine for a reader beside the log's writer: nothing is made, written or synced. */
export const readingFiles: FileSystemPort = {
  ...nodeFiles,
  makeFolder: () => Promise.resolve(),
  syncFolder: () => Promise.resolve(),
  open: async path => new NodeFile(await openFd(path, 'read'), true),
};

function openFd(path: string, mode: OpenMode): Promise<number> {
  return settle<number>(done => {
    fs.open(path, FLAGS[mode], 0o600, done);
  });
}

class NodeFile implements LogFile {
  readonly #fd: number;
  /** True when nothing has to be synced: every write returns after it is durable, or there are none. */
  readonly #isSynced: boolean;

  constructor(fd: number, isSynced: boolean) {
    this.#fd = fd;
    this.#isSynced = isSynced;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const bytes = await settle<number>(callback => {
        fs.read(this.#fd, target, done, target.length - done, position + done, callback);
      });
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  readSync(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.length) {
      const bytes = fs.readSync(this.#fd, target, done, target.length - done, position + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const written = await settle<number>(callback => {
        fs.writev(this.#fd, rest, at, callback);
      });
      at += written;
      rest = dropBytes(rest, written);
    }
  }

  datasync(): Promise<void> {
    if (this.#isSynced) return Promise.resolve();
    return settle(callback => {
      fs.fdatasync(this.#fd, callback);
    });
  }

  async size(): Promise<number> {
    const stats = await settle<fs.Stats>(callback => {
      fs.fstat(this.#fd, callback);
    });
    return stats.size;
  }

  close(): Promise<void> {
    return settle(callback => {
      fs.close(this.#fd, callback);
    });
  }
}

/** Drops the first `count` bytes of `buffers`: the system may write fewer bytes than requested. */
function dropBytes(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < buffers.length && left >= buffers[index]!.length) left -= buffers[index++]!.length;
  const rest = buffers.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

function settle<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null) resolve(value as T);
      else reject(error);
    });
  });
}
