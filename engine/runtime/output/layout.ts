import type { Stats } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError, systemCodeOf } from '../../errors.ts';
import { isThreadId } from '../../record/ids.ts';

/**
 * The layout of one attempt's output on the disk, in the folder of its thread:
 *
 * - `‹attempt›.log`: all of it, or its head while parts lie beside it;
 * - `‹attempt›.log.tail-‹head›-‹start›`: a part of the tail, which begins at byte `start` of what was printed. `head` is the
 *   length of the head. While there is any part, what the log holds beyond the head does not count.
 *
 * Parts are there while an attempt prints more than its head may hold. At its end they are joined to the log, behind a line that
 * says how much was left out; after a crash they stay, and are read as if they had been joined.
 */

/** A range of an attempt's output, and the file that contains it. */
export interface Piece {
  readonly path: string;
  /** The offset of its first byte in the file. */
  readonly from: number;
  readonly length: number;
  /** The offset of its first byte in the output; bytes between two pieces are lost. */
  readonly start: number;
}

export interface AttemptLayout {
  readonly pieces: readonly Piece[];
  /** The length of the head when there are or were parts, else undefined. */
  readonly headBytes: number | undefined;
}

/**
 * Rejects names that must not become a path.
 * @throws INVALID_RECORD when the thread's id is invalid, or `attempt` is not a whole number of 1 or more.
 */
export function checkAttempt(thread: string, attempt: number): void {
  if (!isThreadId(thread)) throw new FleetError('INVALID_RECORD', `'${thread}' is not a thread id`);
  if (!Number.isSafeInteger(attempt) || attempt < 1) {
    throw new FleetError('INVALID_RECORD', `'${attempt}' is not the number of an attempt`);
  }
}

/** Returns the place of an attempt's output. @throws INVALID_RECORD as `checkAttempt` does. */
export function placeOf(dir: string, thread: string, attempt: number): AttemptPlace {
  checkAttempt(thread, attempt);
  const folder = join(dir, thread);
  const log = `${attempt}.log`;
  return { folder, log, path: join(folder, log) };
}

/** The folder of an attempt's files, the name of its log in it, and the path of the log. */
export interface AttemptPlace {
  readonly folder: string;
  readonly log: string;
  readonly path: string;
}

export function partName(log: string, headBytes: number, start: number): string {
  return `${log}.tail-${headBytes}-${start}`;
}

/** Returns the line between head and tail. */
export function gapLine(bytes: number): string {
  return `\n[${bytes} bytes left out]\n`;
}

const PART = /^(.+\.log)\.tail-(\d{1,16})-(\d{1,16})$/;
const GAP = /^\n\[(\d{1,16}) bytes left out\]\n/;
const GAP_BYTES = 64;

/** Returns the log that a file of a thread's folder belongs to; undefined for other files. */
export function logOf(file: string): string | undefined {
  return /^\d+\.log$/.test(file) ? file : PART.exec(file)?.[1];
}

/**
 * Finds the pieces of an attempt's output in order; none when there is no output.
 * @param knownHead the `headBytes` of an earlier call, whose parts may have been joined since
 */
export async function layoutOf(
  { folder, log, path }: AttemptPlace,
  knownHead: number | undefined,
): Promise<AttemptLayout> {
  const size = (await statOf(path))?.size;
  if (size === undefined) return { pieces: [], headBytes: undefined };
  const parts = await partsOf(folder, log);
  const headBytes = parts[0]?.headBytes ?? knownHead;
  if (headBytes === undefined) return { pieces: [piece(path, 0, size, 0)], headBytes };
  const tail = parts.length > 0 ? parts : await joinedTail(path, headBytes);
  return { pieces: [piece(path, 0, Math.min(size, headBytes), 0), ...tail], headBytes };
}

/** A piece of the tail in a file of its own. */
interface Part extends Piece {
  readonly headBytes: number;
}

/** Returns the parts of a log's tail in order. */
export async function partsOf(folder: string, log: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (const name of await namesIn(folder)) {
    const [, owner, headBytes, start] = PART.exec(name) ?? [];
    if (owner !== log) continue;
    const path = join(folder, name);
    const size = (await statOf(path))?.size;
    if (size !== undefined)
      parts.push({ ...piece(path, 0, size, Number(start)), headBytes: Number(headBytes) });
  }
  return parts.sort((a, b) => a.start - b.start);
}

/** Returns the piece after the head of a log whose parts have been joined, if any. */
async function joinedTail(path: string, headBytes: number): Promise<Piece[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size <= headBytes) return [];
    const leftOut = await gapAt(file, headBytes);
    const from = leftOut === 0 ? headBytes : headBytes + gapLine(leftOut).length;
    return [piece(path, from, size - from, headBytes + leftOut)];
  } finally {
    await file.close();
  }
}

async function gapAt(file: FileHandle, at: number): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(GAP_BYTES), 0, GAP_BYTES, at);
  return Number(GAP.exec(buffer.toString('latin1', 0, bytesRead))?.[1] ?? 0);
}

function piece(path: string, from: number, length: number, start: number): Piece {
  return { path, from, length, start };
}

/** Returns the names in a folder; none when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error) || systemCodeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** Returns the stats of a file, or undefined when there is none. */
export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return systemCodeOf(error) === 'ENOENT';
}
