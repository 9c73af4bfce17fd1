import { nodeFiles, type FileSystemPort, type LogFile, type OpenMode } from '../files.ts';

/** The file operations in which faults can be injected. */
export type Operation = 'create' | 'replace' | 'write' | 'datasync' | 'syncFolder' | 'rename';

/** Called before each operation, with the number of earlier ones; throws to make it fail. */
export type Fault = (operation: Operation, count: number, path: string) => void;

/** Returns an error as the system makes it. */
export const systemError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** Wraps the real file system, and injects faults into its writing operations. */
export class FaultyFiles implements FileSystemPort {
  readonly operations: Operation[] = [];
  fault: Fault = () => undefined;

  list(folder: string): Promise<string[]> {
    return nodeFiles.list(folder);
  }

  makeFolder(folder: string): Promise<void> {
    return nodeFiles.makeFolder(folder);
  }

  openSync(path: string): LogFile {
    return nodeFiles.openSync(path);
  }

  remove(path: string): Promise<void> {
    return nodeFiles.remove(path);
  }

  async open(path: string, mode: OpenMode): Promise<LogFile> {
    if (mode !== 'read') this.#meet(mode, path);
    return this.#wrap(await nodeFiles.open(path, mode), path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#meet('rename', to);
    await nodeFiles.rename(from, to);
  }

  async syncFolder(folder: string): Promise<void> {
    this.#meet('syncFolder', folder);
    await nodeFiles.syncFolder(folder);
  }

  #wrap(file: LogFile, path: string): LogFile {
    return {
      read: (target, position) => file.read(target, position),
      readSync: (target, position) => file.readSync(target, position),
      write: async (buffers, position) => {
        try {
          this.#meet('write', path);
        } catch (error) {
          // A full disk accepts a part of the data.
          const all = Buffer.concat(buffers.map(buffer => Buffer.from(buffer)));
          await file.write([all.subarray(0, all.length >> 1)], position);
          throw error;
        }
        await file.write(buffers, position);
      },
      datasync: async () => {
        this.#meet('datasync', path);
        await file.datasync();
      },
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  #meet(operation: Operation, path: string): void {
    const count = this.operations.push(operation) - 1;
    this.fault(operation, count, path);
  }
}
