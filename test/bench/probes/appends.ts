import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Probes the disk: writes and syncs in a bare loop, on a file next to the homes. */
export class AppendProbe {
  readonly #path: string;
  readonly #file: number;

  constructor(dir: string) {
    this.#path = join(dir, 'appends.probe');
    this.#file = openSync(this.#path, 'w');
  }

  /**
   * Appends `bytes` as `records` records in groups of `groupSize`. Each group is written and synced at once.
   * @returns the time in ms
   */
  append({ bytes, records }: { bytes: number; records: number }, groupSize = 100): number {
    const group = Buffer.alloc(Math.max(1, Math.round((bytes / records) * groupSize)), 'x');
    const groups = Math.ceil(records / groupSize);
    const begun = performance.now();
    for (let i = 0; i < groups; i++) this.#sync(group);
    return performance.now() - begun;
  }

  /** Writes and syncs one small record. @returns the time in ms */
  appendOne(bytes: number): number {
    return this.append({ bytes, records: 1 }, 1);
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path);
  }

  #sync(group: Buffer): void {
    writeSync(this.#file, group);
    fdatasyncSync(this.#file);
  }
}
