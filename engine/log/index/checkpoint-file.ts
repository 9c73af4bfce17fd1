import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { crc32 } from 'node:zlib';

/** A checkpoint is an SQLite database, followed by these four bytes and the CRC-32 of the database. */
const MAGIC = 0x58_4c_50_53;
const TRAILER_BYTES = 8;

/** Reads a checkpoint; undefined when there is none, or it is damaged. */
export async function readCheckpoint(file: string): Promise<Uint8Array | undefined> {
  let bytes: Buffer;
  try {
    bytes = await fs.readFile(file);
  } catch {
    return undefined;
  }
  if (bytes.length < TRAILER_BYTES) return undefined;
  const database = bytes.subarray(0, -TRAILER_BYTES);
  const isWhole =
    bytes.readUInt32LE(database.length) === MAGIC &&
    bytes.readUInt32LE(database.length + 4) === crc32(database);
  return isWhole ? database : undefined;
}

/** Replaces the checkpoint atomically, also in a crash. */
export async function writeCheckpoint(file: string, database: Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  // A fixed name, so that the next write replaces the remains of a crash. The home has one writer.
  const temporary = `${file}.tmp`;
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(MAGIC, 0);
  trailer.writeUInt32LE(crc32(database), 4);
  try {
    const handle = await fs.open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(database);
      await handle.writeFile(trailer);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
