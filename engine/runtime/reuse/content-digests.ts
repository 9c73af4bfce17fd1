import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { FleetError } from '../../errors.ts';
import { bytesOf, readable } from '../git/git.ts';
import type { WorkSlice } from '../../yield-to-event-loop.ts';

/**
 * The age, in ms, that a file's times must have before their value identifies its content: a file system may store times
 * in steps of two seconds, and a later change within a step leaves them equal.
 */
const RACY_MS = 2_500;
/** The number of remembered digests. The oldest are forgotten. */
const MAX_REMEMBERED = 500_000;
const CHUNK = Buffer.allocUnsafe(256 * 1024);
/** The number of times that a file is read again because it changed while it was read. */
const MAX_READS = 3;

interface Remembered {
  readonly stat: BigIntStats;
  readonly digest: Buffer;
}

/** Digests of files' contents. A file whose stat has not changed is not read again. */
export class ContentDigests {
  readonly #remembered = new Map<string, Remembered>();
  readonly #now: () => number;

  /** @param now the time of the file system, in ms since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * @param path absolute, with one character for each byte
   * @param stat of the file now
   * @throws WORKER_FAILED for a file that changes while it is read, and system errors
   */
  async of(path: string, stat: BigIntStats, slice: WorkSlice): Promise<Buffer> {
    const known = this.#remembered.get(path);
    if (known !== undefined && isSameFile(known.stat, stat)) return known.digest;
    this.#remembered.delete(path);
    for (let read = 0; read < MAX_READS; read++) {
      const before = this.#now();
      const found = await readDigest(path, slice);
      if (found === undefined) continue;
      if (isSettled(found.stat, before)) this.#remember(path, found);
      return found.digest;
    }
    throw new FleetError('WORKER_FAILED', `${readable(path)} changes while it is read`);
  }

  #remember(path: string, found: Remembered): void {
    this.#remembered.set(path, found);
    if (this.#remembered.size > MAX_REMEMBERED)
      this.#remembered.delete(this.#remembered.keys().next().value!);
  }
}

const isSameFile = (a: BigIntStats, b: BigIntStats): boolean =>
  a.ino === b.ino &&
  a.dev === b.dev &&
  a.size === b.size &&
  a.mtimeNs === b.mtimeNs &&
  a.ctimeNs === b.ctimeNs;

/** Returns true when a later change of the file will change its times. */
const isSettled = ({ mtimeMs, ctimeMs }: BigIntStats, now: number): boolean =>
  Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs) < now - RACY_MS;

/** Reads a file. @returns undefined if it changed meanwhile */
async function readDigest(path: string, slice: WorkSlice): Promise<Remembered | undefined> {
  const file = openSync(bytesOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file, { bigint: true });
    const content = createHash('sha256');
    for (;;) {
      const length = readSync(file, CHUNK);
      if (length === 0) break;
      content.update(CHUNK.subarray(0, length));
      if (slice.isOver()) await slice.yieldToEventLoop();
    }
    const digest = content.digest();
    return isSameFile(stat, fstatSync(file, { bigint: true })) ? { stat, digest } : undefined;
  } finally {
    closeSync(file);
  }
}
