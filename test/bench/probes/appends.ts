import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A probe of the disk: writes and syncs in a bare loop, on a file beside the homes. */
export class AppendProbe {
  readonly #path: string;
  readonly #file: number;

  constructor(dir: string) {
    this.#path = join(dir, 'appends.probe');
    this.#file = openSync(this.#path, 'w');
  }

  /**
   * Appends so many bytes, as so many records in groups of `groupSize`, each group written and synced at once.
   * @returns how long it took, in ms.
   */
  append({ bytes, records }: { bytes: number; records: number }, groupSize = 100): number {
    const group = Buffer.alloc(Math.max(1, Math.round((bytes / records) * groupSize)), 'x');
    const groups = Math.ceil(records / groupSize);
    const begun = performance.now();
    for (let i = 0; i < groups; i++) this.#sync(group);
    return performance.now() - begun;
  }

  /** Writes and syncs one small record. @returns how long it took, in ms. */
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
