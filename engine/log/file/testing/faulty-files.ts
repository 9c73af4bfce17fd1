import { nodeFiles, type FileSystemPort, type LogFile, type OpenMode } from '../files.ts';

/** The operations of the log on the file system that can be made to fail. */
export type Operation = 'create' | 'replace' | 'write' | 'datasync' | 'syncFolder' | 'rename';

/** Called before each operation, with the number of those before it: throws to make it fail. */
export type Fault = (operation: Operation, count: number, path: string) => void;

/** An error as the system gives it. */
export const systemError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** The real file system, of which writing operations can be made to fail. */
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
          // A disk that fills up takes a part of what it is given.
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
