import { FleetError } from '../errors.ts';

/** Plain JSON data. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** The maximum depth of nesting, which bounds the recursion. */
const MAX_DEPTH = 100;

/**
 * Returns the canonical text of RFC 8785 (JSON Canonicalization Scheme): members sorted by UTF-16 code units, numbers
 * as ECMAScript prints them, no white space. Members with the value `undefined` are left out, as in JSON.stringify.
 * @param depth the levels around the place of the text
 * @throws INVALID_RECORD for a value that JSON or exact arithmetic can't represent: a number that is not finite or not
 * within ±(2^53 - 1), a lone surrogate, a value that is not JSON, or nesting deeper than 100.
 */
export function canonical(value: unknown, depth = 0): string {
  // JSON.stringify is several times as fast, and correct when the members are in order.
  const text = isInOrder(value, depth) ? JSON.stringify(value) : write(value, depth);
  // JSON.stringify escapes lone surrogates, and nothing else, as \ud8xx to \udfxx: a cheap check for a rare case.
  if (text.includes('\\ud')) refuseLoneSurrogates(value);
  return text;
}

/** True when JSON.stringify writes the canonical form of this value: plain JSON with members in order. */
function isInOrder(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
    case 'object':
      if (value === null) return true;
      if (depth >= MAX_DEPTH) return false;
      return Array.isArray(value)
        ? isArrayInOrder(value, depth)
        : isObjectInOrder(value as JsonObject, depth);
    default:
      return false;
  }
}

function isArrayInOrder(items: readonly unknown[], depth: number): boolean {
  // JSON.stringify would call the method.
  if ('toJSON' in items) return false;
  for (let i = 0; i < items.length; i++) if (!isInOrder(items[i], depth + 1)) return false;
  return true;
}

function isObjectInOrder(object: JsonObject, depth: number): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false;
  let before = '';
  for (const key of Object.keys(object)) {
    const member = object[key];
    if (key < before || (member !== undefined && !isInOrder(member, depth + 1))) return false;
    before = key;
  }
  return true;
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) throw invalid(`nesting deeper than ${MAX_DEPTH}`);
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value as JsonObject, depth);
    default:
      throw invalid(`${typeof value} is not JSON`);
  }
}

function writeNumber(value: number): string {
  if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw invalid(`number ${value} is beyond 2^53`);
  return JSON.stringify(value);
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ',';
    text += write(items[i], depth + 1);
  }
  return text + ']';
}

function writeObject(object: JsonObject, depth: number): string {
  const proto: unknown = Object.getPrototypeOf(object);
  if (proto !== Object.prototype && proto !== null) throw invalid('only plain objects are JSON');
  let text = '{';
  for (const key of sortedKeys(object)) {
    const member = object[key];
    if (member === undefined) continue;
    if (text.length > 1) text += ',';
    text += JSON.stringify(key) + ':' + write(member, depth + 1);
  }
  return text + '}';
}

/** Sorts only when needed: the engine builds its own records with members in order. */
function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object);
  for (let i = 1; i < keys.length; i++) {
    if (keys[i - 1]! > keys[i]!) return keys.sort();
  }
  return keys;
}

function refuseLoneSurrogates(value: unknown): void {
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) throw invalid('a lone surrogate is not Unicode text');
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      refuseLoneSurrogates(key);
      refuseLoneSurrogates(member);
    }
  }
}

function invalid(what: string): FleetError {
  return new FleetError('INVALID_RECORD', `not a valid record: ${what}`);
}
