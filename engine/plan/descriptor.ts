import * as v from 'valibot';
import { repeatedKey } from '../contract/unique-keys.ts';
import type { SubtaskRef } from '../subtask/subtask-ref.ts';
import { BODY_KEYS, type BodyKey, type Subtask } from '../subtask/subtask.ts';
import type { Kind } from '../subtask/table.ts';
import { matrixOf } from '../subtask/matrix.ts';
import { suggestionFor } from './foreign-keys.ts';

/**
 * One subtask on a command line: `goal=Lint,run="npm run lint",depends=0+2`, or a JSON object with the same keys.
 * Omitted keys stay absent: the rules know the defaults. The caller resolves a relative folder.
 */
export type Descriptor = Pick<Subtask, 'goal'> &
  Partial<{ [Field in keyof Subtask]: NonNullable<Subtask[Field]> }>;

/** The fault of a descriptor, with its place. */
export interface DescriptorFault {
  /** The key as it was written; null for a fault outside any key. */
  readonly key: string | null;
  /** The character of the fault, counted from 1. */
  readonly position: number;
  readonly message: string;
}

export type DescriptorResult =
  | { readonly ok: true; readonly descriptor: Descriptor }
  | { readonly ok: false; readonly fault: DescriptorFault };

/** The keys that a descriptor may have, as they are written. */
export const DESCRIPTOR_KEYS: readonly string[] = BODY_KEYS.map(({ key }) => key);

/** The rows by key, and by the member of a body, so that a member read in a record can be typed again. */
const ROW_OF: ReadonlyMap<string, BodyKey> = new Map([
  ...BODY_KEYS.map(row => [row.field, row] as const),
  ...BODY_KEYS.map(row => [row.key, row] as const),
]);

/** Reads a descriptor in either of its two forms. */
export function parseDescriptor(text: string): DescriptorResult {
  return reading(() => (text.trimStart().startsWith('{') ? readJson(text) : readPairs(text)));
}

/**
 * Writes a descriptor as `key=value,…` text; as JSON if it has variables, a matrix, or globs with a `+`. `parseDescriptor` reads
 * it as the same descriptor.
 */
export function printDescriptor(descriptor: Descriptor): string {
  if (needsJson(descriptor)) return JSON.stringify(descriptor);
  return BODY_KEYS.map(({ key, field }) => ({ key, value: descriptor[field as keyof Descriptor] }))
    .filter(({ value }) => value !== undefined)
    .map(({ key, value }) => `${key}=${printValue(value)}`)
    .join(',');
}

/** Returns true for variables, a matrix, and a glob that contains the separator of globs. */
const needsJson = ({ env, matrix, inputs = [], outputs = [] }: Descriptor): boolean =>
  env !== undefined ||
  matrix !== undefined ||
  [...inputs, ...outputs].some(glob => glob.includes('+') || glob !== glob.trim());

function printValue(value: Descriptor[keyof Descriptor]): string {
  const text = Array.isArray(value)
    ? value.join('+')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
  return text === '' || /[,="\\]|^\s|\s$/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

/** Carries a fault out of nested readers. Never leaves this file. */
class Fault extends Error {
  readonly fault: DescriptorFault;

  constructor(key: string | null, position: number, message: string) {
    super(message);
    this.fault = { key, position, message };
  }
}

function reading(read: () => Descriptor): DescriptorResult {
  try {
    return { ok: true, descriptor: read() };
  } catch (thrown) {
    if (thrown instanceof Fault) return { ok: false, fault: thrown.fault };
    throw thrown;
  }
}

/** A key and its value, with the start of each, counted from 0. */
interface Pair {
  readonly key: string;
  readonly value: unknown;
  readonly keyAt: number;
  readonly valueAt: number;
}

function readPairs(text: string): Descriptor {
  const pairs: Pair[] = [];
  let at = skipSpace(text, 0);
  if (at === text.length) throw new Fault(null, 1, 'the descriptor is empty');
  for (;;) {
    const pair = readPair(text, at);
    pairs.push(convert(pair));
    at = skipSpace(text, pair.end);
    if (at === text.length) break;
    // A pair ends at a comma or at the end of the text, so this is a comma.
    at = skipSpace(text, at + 1);
    if (at === text.length) throw new Fault(null, at, 'a key=value is missing after the comma');
  }
  return assemble(pairs, text.length);
}

function readPair(text: string, at: number): Pair & { readonly value: string; readonly end: number } {
  const equals = text.indexOf('=', at);
  const comma = text.indexOf(',', at);
  if (equals === -1 || (comma !== -1 && comma < equals)) {
    const word = text.slice(at, comma === -1 ? undefined : comma).trim();
    throw new Fault(null, at + 1, `'${word}' is not of the form key=value; ${QUOTING}`);
  }
  const key = text.slice(at, equals).trimEnd();
  if (key === '') throw new Fault(null, at + 1, 'a key is missing before the equals sign');
  const valueAt = skipSpace(text, equals + 1);
  const read = text[valueAt] === '"' ? readQuoted : readPlain;
  return { key, keyAt: at, valueAt, ...read(text, valueAt, key) };
}

const QUOTING = 'a value with a comma, an equals sign or a quote stands in double quotes';

function readPlain(text: string, at: number, key: string): { value: string; end: number } {
  const comma = text.indexOf(',', at);
  const end = comma === -1 ? text.length : comma;
  const value = text.slice(at, end);
  const special = /[="]/.exec(value);
  if (special !== null) throw new Fault(key, at + special.index + 1, `unexpected ${special[0]}: ${QUOTING}`);
  return { value: value.trimEnd(), end };
}

function readQuoted(text: string, at: number, key: string): { value: string; end: number } {
  let value = '';
  for (let i = at + 1; i < text.length; i += 1) {
    const character = text[i]!;
    if (character === '"') return { value, end: requirePairEnd(text, i + 1, key) };
    if (character !== '\\') value += character;
    else {
      i += 1;
      const escaped = text[i];
      if (escaped !== '"' && escaped !== '\\') {
        throw new Fault(key, i, 'inside quotes a backslash stands before a quote or a backslash only');
      }
      value += escaped;
    }
  }
  throw new Fault(key, at + 1, 'the quote that begins here is never closed');
}

function requirePairEnd(text: string, at: number, key: string): number {
  const end = skipSpace(text, at);
  if (end === text.length || text[end] === ',') return end;
  throw new Fault(key, end + 1, 'a comma is missing after the closing quote');
}

function skipSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && /\s/.test(text[i]!)) i += 1;
  return i;
}

/** Converts the text of a number or a list. Unknown keys are left to `assemble`. */
function convert(pair: Pair & { readonly value: string }): Pair {
  const kind = ROW_OF.get(pair.key)?.kind;
  return kind === undefined ? pair : { ...pair, value: SPELLINGS[kind](pair) };
}

const asText = ({ value }: { readonly value: string }): string => value;
const asNumber = (pair: Pair & { readonly value: string }): number =>
  readNumber(pair.value) ?? fail(pair, `'${pair.value}' is not a number`);
const asObject = (pair: Pair): never => fail(pair, `is an object: ${AS_JSON}`);

/** The reader of each kind of value. */
const SPELLINGS: Readonly<Record<Kind, (pair: Pair & { readonly value: string }) => unknown>> = {
  text: asText,
  choice: asText,
  flag: asText,
  amount: asNumber,
  seconds: asNumber,
  count: asNumber,
  names: ({ value }) => readDependencies(value),
  globs: ({ value }) => readGlobs(value),
  variables: asObject,
  values: pair => matrixOf(pair.value) ?? asObject(pair),
};

const AS_JSON = 'write the whole subtask as JSON, {"goal": "…", "env": {"NAME": "value"}}';

/** Reads indices, names and patterns, joined by `+`. */
function readDependencies(text: string): readonly SubtaskRef[] {
  return text
    .split('+')
    .map(part => part.trim())
    .map(part => (/^\d{1,15}$/.test(part) ? Number(part) : part));
}

/** Reads globs, joined by `+`. */
const readGlobs = (text: string): readonly string[] => text.split('+').map(part => part.trim());

function readNumber(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

/** The readers of lists and objects that may also be written as one text. */
const SHORT_FORMS: { readonly [K in Kind]?: (text: string) => object | null } = {
  names: readDependencies,
  globs: readGlobs,
  values: matrixOf,
};

function readJson(text: string): Descriptor {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    throw new Fault(null, jsonPosition(thrown, text), 'not a JSON object: it does not parse');
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw new Fault(twice.key, twice.position + 1, 'is given twice');
  // A text that begins with a brace and parses is an object.
  const pairs = Object.entries(parsed as object).map(([key, value]: [string, unknown]) => {
    const keyAt = Math.max(0, text.indexOf(JSON.stringify(key)));
    const read = typeof value === 'string' ? SHORT_FORMS[ROW_OF.get(key)?.kind ?? 'text'] : undefined;
    return { key, value: read?.(value as string) ?? value, keyAt, valueAt: keyAt };
  });
  return assemble(
    pairs.filter(({ value }) => value !== null),
    text.length,
  );
}

/** Returns the position from the parser's message; the end of the text if the message has none. */
function jsonPosition(thrown: unknown, text: string): number {
  const stated = /position (\d+)/.exec(String(thrown))?.[1];
  return stated === undefined ? text.length + 1 : Number(stated) + 1;
}

function assemble(pairs: readonly Pair[], length: number): Descriptor {
  const descriptor: Record<string, unknown> = {};
  for (const pair of pairs) {
    const row = ROW_OF.get(pair.key);
    if (row === undefined) throw new Fault(pair.key, pair.keyAt + 1, unknownKey(pair.key));
    if (row.field in descriptor) throw new Fault(pair.key, pair.keyAt + 1, 'is given twice');
    descriptor[row.field] = check(row, pair);
  }
  if (!('goal' in descriptor)) throw new Fault('goal', length + 1, 'is missing: a subtask has a goal');
  return descriptor as unknown as Descriptor;
}

function check({ written, schema }: BodyKey, pair: Pair): unknown {
  const result = v.safeParse(written ?? schema, pair.value, { abortEarly: true });
  if (result.success) return result.output;
  const path = v.getDotPath(result.issues[0]);
  return fail(pair, `${path === null ? '' : `${path} `}${result.issues[0].message}`);
}

const unknownKey = (key: string): string =>
  `unknown key '${key}'${suggestionFor(key, DESCRIPTOR_KEYS).text}; known are ${DESCRIPTOR_KEYS.join(', ')}`;

function fail(pair: Pair, message: string): never {
  throw new Fault(pair.key, pair.valueAt + 1, message);
}
