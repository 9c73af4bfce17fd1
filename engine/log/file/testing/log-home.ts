import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogReader } from '../../log.ts';
import { openFileLog, type FileLog, type FileLogOptions } from '../file-log.ts';

/** The folder of one test's log, with methods that change its files directly. */
export class LogHome {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async make(): Promise<LogHome> {
    return new LogHome(await mkdtemp(join(tmpdir(), 'spl-log-')));
  }

  get logDir(): string {
    return join(this.#root, 'log');
  }

  get checkpointDir(): string {
    return join(this.#root, 'index');
  }

  get checkpointPath(): string {
    return join(this.checkpointDir, 'log.checkpoint');
  }

  open(options: Partial<FileLogOptions> & { readonly reader: LogReader }): Promise<FileLog> {
    return openFileLog({ dir: this.logDir, checkpointDir: this.checkpointDir, now: Date.now, ...options });
  }

  /** The names of the segments, in order. */
  async segments(): Promise<string[]> {
    return (await readdir(this.logDir)).sort();
  }

  read(segment: string): Promise<Buffer> {
    return readFile(join(this.logDir, segment));
  }

  write(segment: string, bytes: Uint8Array): Promise<void> {
    return writeFile(join(this.logDir, segment), bytes);
  }

  /** Copies the present content of the disk: the best case after a power cut at this moment. */
  async copy(): Promise<LogHome> {
    const copy = await LogHome.make();
    await mkdir(copy.logDir);
    for (const name of await this.segments())
      await copyFile(join(this.logDir, name), join(copy.logDir, name));
    return copy;
  }

  dispose(): Promise<void> {
    return rm(this.#root, { recursive: true, force: true });
  }
}
