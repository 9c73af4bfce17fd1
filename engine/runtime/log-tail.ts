import * as fs from 'node:fs/promises';

const TAIL_BYTES = 4096;
const TAIL_LINES = 3;

/**
 * Returns the last lines of a text file, joined by `
 * `; empty when there is no file.
 */
export async function lastLines(file: string): Promise<string> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').trimEnd().split('\n');
    return lines.slice(-TAIL_LINES).join(' | ');
  } finally {
    await handle.close();
  }
}
