import type { IncomingMessage } from 'node:http';
import { countKeys, repeatedKey } from '../contract/unique-keys.ts';
import { FleetError, messageOf } from '../errors.ts';

/**
 * The deepest nesting of JSON. Deeper JSON is refused before any recursive code reads it. The limit of a record is 100.
 */
const MAX_DEPTH = 128;
/** The most records that one request may carry. */
const MAX_LINES = 100_000;
/** The number of parsed characters after which other work gets its turn. */
const SLICE_CHARS = 512 * 1024;

/** The limit in bytes of all bodies that are being read. */
export class BodyRoom {
  readonly #bytes: number;
  #taken = 0;

  /** @param bytes the limit, 1 or more */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Takes room for this many bytes. @returns false, and takes nothing, if there is not enough */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#bytes) return false;
    this.#taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}

/**
 * Reads the whole body of a request.
 * @throws OVERLOADED if the bodies of all requests leave no room for it
 * @throws TOO_LARGE as soon as more than `limitBytes` are declared or have arrived; no more than that is kept
 * @throws INVALID_RECORD if it is not UTF-8, or ends early
 */
export async function readBody(
  incoming: IncomingMessage,
  limitBytes: number,
  room: BodyRoom,
): Promise<string> {
  const declaredBytes = Number(incoming.headers['content-length'] ?? 0);
  if (declaredBytes > limitBytes) throw tooLarge(limitBytes);
  const bytes = await collect(incoming, limitBytes, room);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid('is not UTF-8', {}, cause);
  }
}

/**
 * Parses a body of one JSON value.
 * @throws INVALID_RECORD with the position of the fault, if known; also if an object has a key twice
 */
export function parseJson(text: string): unknown {
  return parse(text, {});
}

/**
 * Parses a body with one JSON value per line; skips empty lines.
 * @throws INVALID_RECORD with the line; TOO_LARGE beyond 100,000 lines
 */
export async function parseNdjson(text: string): Promise<unknown[]> {
  const values: unknown[] = [];
  let sliceEnd = SLICE_CHARS;
  for (let start = 0, line = 1; start < text.length; line++) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const row = text.slice(start, end).trim();
    start = end + 1;
    if (row === '') continue;
    if (values.length === MAX_LINES) {
      throw new FleetError('TOO_LARGE', `the body has more than ${MAX_LINES} lines`, {
        details: { limit: MAX_LINES },
      });
    }
    values.push(parse(row, { line }));
    if (start > sliceEnd) {
      sliceEnd = start + SLICE_CHARS;
      await new Promise(resolve => setImmediate(resolve));
    }
  }
  return values;
}

function parse(text: string, where: { readonly line?: number }): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('is not JSON', { ...where, ...positionOf(messageOf(cause), text) }, cause);
  }
  const keys = countKeysOf(value, MAX_DEPTH);
  if (keys === undefined) throw invalid(`is nested deeper than ${MAX_DEPTH}`, where);
  // Counting is cheap. Only a text with more keys than its value is searched for the repeated key.
  const repeated = keys === countKeys(text) ? undefined : repeatedKey(text);
  if (repeated === undefined) return value;
  throw invalid(`has the key '${repeated.key}' twice`, { ...where, ...repeated });
}

/** Extracts the position from the parser's message. Some messages have none. */
function positionOf(message: string, text: string): { position?: number } {
  if (message.includes('Unexpected end')) return { position: text.length };
  const found = /at position (\d+)/.exec(message)?.[1];
  return found === undefined ? {} : { position: Number(found) };
}

/**
 * Counts the keys of all objects in a value; undefined if it is nested deeper than `depth`. Walks level by level:
 * recursion would overflow the stack on deep input.
 */
function countKeysOf(value: unknown, depth: number): number | undefined {
  let count = 0;
  let level: object[] = isObject(value) ? [value] : [];
  for (let at = 0; level.length > 0; at++) {
    if (at === depth) return undefined;
    const next: object[] = [];
    for (const node of level) {
      const members: readonly unknown[] = Array.isArray(node) ? node : Object.values(node);
      if (!Array.isArray(node)) count += members.length;
      for (const member of members) if (isObject(member)) next.push(member);
    }
    level = next;
  }
  return count;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Uses listeners and not an iterator: an iterator that ends early closes the connection before the answer is sent. */
function collect(incoming: IncomingMessage, limitBytes: number, room: BodyRoom): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let taken = 0;
    const settle = (error: FleetError | null): void => {
      room.giveBack(taken);
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      if (error === null) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > limitBytes) return settle(tooLarge(limitBytes));
      if (!room.take(chunk.length)) return settle(noRoom());
      taken += chunk.length;
      chunks.push(chunk);
    };
    const onEnd = (): void => settle(null);
    const onClose = (): void => settle(invalid('was cut off: the connection closed', {}));
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

function noRoom(): FleetError {
  return new FleetError('OVERLOADED', 'too many request bodies are arriving at once', {
    hint: 'Retry in a second.',
  });
}

function tooLarge(limitBytes: number): FleetError {
  return new FleetError('TOO_LARGE', `the body has more than ${limitBytes} bytes`, {
    details: { limit: limitBytes },
  });
}

function invalid(
  what: string,
  where: { readonly line?: number; readonly position?: number; readonly key?: string },
  cause?: unknown,
): FleetError {
  const line = where.line === undefined ? 'the body' : `line ${where.line} of the body`;
  const at = where.position === undefined ? '' : `, at position ${where.position}`;
  return new FleetError('INVALID_RECORD', `${line} ${what}${at}`, { details: { ...where }, cause });
}
