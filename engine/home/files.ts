import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** Makes the names in a folder durable: a file that was created or renamed is only then sure to be found again. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a new file durably. Its folder is the caller's to sync. @throws EEXIST when there is one. */
export async function writeNewFile(file: string, data: string | Uint8Array, mode: number): Promise<void> {
  const handle = await fs.open(file, 'wx', mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file so that a reader, and a crash, finds the old content or the new, whole. */
export async function writeAtomically(file: string, data: string, mode: number): Promise<void> {
  await replace(file, temporary => writeNewFile(temporary, data, mode));
}

/** As `writeAtomically`, for what is too much to be held: `produce` writes one part after the other. */
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
 * Writes to a path that a person names. A regular file, new or there, also behind a symbolic link, is replaced whole and
 * keeps its mode; what is no file, such as a FIFO or a device, stays what it is and is written to.
 * @param mode that of a new file
 */
export async function writeStreamTo<T>(
  file: string,
  mode: number,
  produce: (write: (part: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const there = await fs.stat(file).catch(() => null);
  if (there === null) return writeStreamAtomically(await linkedFrom(file), mode, produce);
  if (there.isFile()) return writeStreamAtomically(await fs.realpath(file), there.mode & 0o777, produce);
  const handle = await fs.open(file, 'w');
  try {
    return await produce(async part => void (await handle.writeFile(part)));
  } finally {
    await handle.close();
  }
}

/** Returns the path that a symbolic link to nothing names; any other path is its own. */
async function linkedFrom(file: string): Promise<string> {
  const target = await fs.readlink(file).catch(() => null);
  return target === null ? file : path.resolve(path.dirname(file), target);
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

/** A path as a shell takes it, for the commands that hints name. */
export const shellQuoted = (text: string): string =>
  /^[A-Za-z0-9_./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
