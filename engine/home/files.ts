import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { systemCodeOf } from '../errors.ts';

/** Makes the names in a folder durable: only then does a created or renamed file survive a crash. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a new file durably. The caller syncs its folder. @throws EEXIST when there is one. */
export async function writeNewFile(file: string, data: string | Uint8Array, mode: number): Promise<void> {
  const handle = await fs.open(file, 'wx', mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file so that a reader, also after a crash, finds either the whole old content or the whole new one. */
export async function writeAtomically(file: string, data: string, mode: number): Promise<void> {
  await replace(file, temporary => writeNewFile(temporary, data, mode));
}

/** As `writeAtomically`, for content too large for memory: `produce` writes it in parts. */
export function writeStreamAtomically<T>(
  file: string,
  mode: number,
  produce: (write: (part: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  return replace(file, async temporary => {
    const handle = await fs.open(temporary, 'wx', mode);
    try {
      const produced = await produce(part => handle.writeFile(part));
      await handle.sync();
      return produced;
    } finally {
      await handle.close();
    }
  });
}

/**
 * Writes to a path that a person names, and keeps the kind of what is there. Links stay links. A regular file of this
 * user with no other name is replaced whole, and keeps its mode. Anything else (a FIFO, a device, a file with several
 * names or of another user) is written to, and an open file (`/dev/fd/3`) is appended to.
 * @param mode the mode of a new file
 */
export async function writeStreamTo<T>(
  file: string,
  mode: number,
  produce: (write: (part: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const target = await linkedFrom(file);
  const there = await fs.stat(target).catch(absentAsNull);
  if (there === null) return writeStreamAtomically(target, mode, produce);
  if (isReplaceable(target, there)) return writeStreamAtomically(target, there.mode & 0o777, produce);
  const handle = await fs.open(target, OPEN_FILE.test(target) ? 'a' : 'w');
  try {
    return await produce(part => handle.writeFile(part));
  } finally {
    await handle.close();
  }
}

/** The entries of `/proc` and `/dev/fd` that stand for open files. */
const OPEN_FILE = /^\/(?:proc\/.*|dev)\/fd\/\d+$/;
/** The number of links that Linux follows before it reports a loop. */
const MAX_LINKS = 40;

/**
 * False for a file with several names or of another owner: a new file in its place would be a different one to them.
 */
function isReplaceable(path: string, stats: Stats): boolean {
  const isOwn = process.getuid === undefined || stats.uid === process.getuid();
  return stats.isFile() && stats.nlink === 1 && isOwn && !OPEN_FILE.test(path);
}

/** Follows symbolic links to their end, where there may be no file. Returns the path of an open file as it is. */
async function linkedFrom(file: string): Promise<string> {
  let at = file;
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = await fs.realpath(path.dirname(at)).catch(() => path.dirname(at));
    at = path.join(folder, path.basename(at));
    const target = OPEN_FILE.test(at) ? null : await fs.readlink(at).catch(() => null);
    if (target === null) return at;
    at = path.resolve(folder, target);
  }
  return at;
}

function absentAsNull(error: unknown): null {
  if (systemCodeOf(error) === 'ENOENT') return null;
  throw error;
}

async function replace<T>(file: string, make: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  let made: T;
  try {
    made = await make(temporary);
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(path.dirname(file));
  return made;
}

/** Quotes a path for a shell, in the commands of hints. */
export const shellQuoted = (text: string): string =>
  /^[A-Za-z0-9_./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
