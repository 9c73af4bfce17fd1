import { constants, statSync, type Stats } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import * as v from 'valibot';
import { messageOf } from '../../errors.ts';
import { canonical, type Json, type JsonObject } from '../../record/canonical.ts';
import { isWritable } from '../../record/values.ts';
import { resultsSchema } from '../../subtask/results.ts';

/** The results of an attempt, or why its file has none. */
export type ReadResults =
  { readonly results: JsonObject } | { readonly fault: string } | { readonly results?: undefined };

/** The maximum size of the file of results, in bytes. */
const MAX_FILE_BYTES = 64 * 1024;

/** Reads and removes the file that an attempt wrote its results to. Most attempts write none. Never rejects. */
export async function takeResults(path: string): Promise<ReadResults> {
  try {
    // Most commands write none, and asking another thread would cost more than the question.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return {};
    try {
      const text = await textOf(path);
      return text.trim() === '' ? {} : { results: decodeResults(text) };
    } finally {
      await unlink(path).catch(() => undefined);
    }
  } catch (error) {
    return { fault: `its results are not used: ${messageOf(error)}` };
  }
}

async function textOf(path: string): Promise<string> {
  // A command may have put anything there: a link, a pipe, a device.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error('$SPL_RESULTS is not a file');
    requireSize(found);
    return new TextDecoder('utf-8', { fatal: true }).decode(await bytesOf(file));
  } finally {
    await file.close();
  }
}

function requireSize({ size }: Pick<Stats, 'size'>): void {
  if (size > MAX_FILE_BYTES)
    throw new Error(`$SPL_RESULTS has ${size} bytes, more than the ${MAX_FILE_BYTES} allowed`);
}

/** Reads one byte more than allowed at most, because the file may still grow. */
async function bytesOf(file: FileHandle): Promise<Uint8Array> {
  const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
  let size = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, size, bytes.length - size, size);
    size += bytesRead;
    if (bytesRead === 0 || size === bytes.length) break;
  }
  requireSize({ size });
  return bytes.subarray(0, size);
}

/**
 * Decodes results: a JSON object, or a line `KEY=VALUE` each. A value that is JSON is taken as JSON, another one as text.
 * @throws an error that names the line or the key
 */
export function decodeResults(text: string): JsonObject {
  const given = text.trimStart().startsWith('{') ? asJson(text) : fromLines(text);
  const decoded = v.safeParse(resultsSchema, given, { abortEarly: true });
  if (!decoded.success) {
    const [issue] = decoded.issues;
    const key = v.getDotPath(issue);
    throw new Error(`${key === null ? 'they' : `the key '${key}'`} ${issue.message}`);
  }
  // Records have no numbers that lose digits, and no half of a character.
  canonical(given);
  return given as JsonObject;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('$SPL_RESULTS begins with { and is not JSON');
  }
}

function fromLines(text: string): JsonObject {
  const results = new Map<string, Json>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const equals = line.indexOf('=');
    if (equals < 1) throw new Error(`line ${at + 1} of $SPL_RESULTS is not of the form KEY=VALUE`);
    results.set(line.slice(0, equals).trim(), valueOf(line.slice(equals + 1)));
  }
  return Object.fromEntries(results);
}

function valueOf(written: string): Json {
  if (!isWritable(written)) throw new Error('$SPL_RESULTS has a character that is not text');
  try {
    const value = JSON.parse(written) as Json;
    canonical(value);
    // A number that loses digits stays as it was written: 1.10, or the id of a build.
    return typeof value === 'number' && String(value) !== written.trim() ? written : value;
  } catch {
    return written;
  }
}
