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
