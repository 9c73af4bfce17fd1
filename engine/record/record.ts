import * as v from 'valibot';
import { FleetError } from '../errors.ts';
import { canonical, type JsonObject } from './canonical.ts';
import { hash } from './hash.ts';
import {
  DID,
  isDid,
  isRecordId,
  isThreadId,
  RECORD_ID,
  THREAD_ID,
  type Did,
  type RecordId,
  type ThreadId,
} from './ids.ts';

export const ACTS = ['INTEND', 'DO', 'KNOW', 'LEARN', 'GET', 'PUT', 'CALL', 'MAP'] as const;
export const DATA_TYPES = ['SCALAR', 'FORMULA', 'DISTRIBUTION', 'REFERENCE', 'MORPHISM', 'VOID'] as const;
export type Act = (typeof ACTS)[number];
export type DataType = (typeof DATA_TYPES)[number];

/** The largest canonical text of one record, in bytes: enough for the INTEND of a fan-out, which lists its subtasks. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

const MAX_PARENTS = 10_000;

/** The seven fields that are hashed for the record's id. */
export interface RecordContent {
  readonly act: Act;
  readonly actor: Did;
  readonly body: JsonObject;
  /** Rises per (actor, thread); gaps are allowed. */
  readonly clock: number;
  readonly data_type: DataType;
  readonly parents: readonly RecordId[];
  readonly thread: ThreadId;
}

/** An immutable, content-addressed fact: the only kind of data that is ever written. */
export interface FleetRecord extends RecordContent {
  readonly id: RecordId;
  readonly judged_by: Did | null;
}

/** A record with its canonical text, so that log and link need not build it again. */
export interface SealedRecord {
  readonly record: FleetRecord;
  readonly text: string;
}

/** Makes a record by hashing its content. @throws INVALID_RECORD as `canonical` does. */
export function seal(content: RecordContent, judgedBy: Did | null = null): SealedRecord {
  // Written in canonical order: only the body needs escaping, and all records have the same hidden class.
  const { act, actor, body, clock, data_type, parents, thread } = content;
  if (!Number.isSafeInteger(clock))
    throw new FleetError('INVALID_RECORD', `not a valid record: clock ${clock} is not an exact integer`);
  const listed = parents.length === 0 ? '' : `"${parents.join('","')}"`;
  const text = `{"act":"${act}","actor":"${actor}","body":${canonical(body, 1)},"clock":${clock},"data_type":"${data_type}","parents":[${listed}],"thread":"${thread}"}`;
  const id = hash(text) as RecordId;
  return { record: { act, actor, body, clock, data_type, parents, thread, id, judged_by: judgedBy }, text };
}

/** Returns a schema of text that matches a regular expression; it can be exported, unlike a function. */
function formed<T extends string>(form: RegExp, message: string): v.GenericSchema<T> {
  const schema: v.GenericSchema<string> = v.pipe(v.string(message), v.regex(form, message));
  return schema as v.GenericSchema<T>;
}

export const didSchema = formed<Did>(DID, 'is not a DID');
const recordId = formed<RecordId>(RECORD_ID, 'is not a record id (64 lowercase hex digits)');

/** Accepts a JSON object with any members. Valibot's own schemas accept lists, and drop members with some names. */
export const jsonObjectSchema = v.custom<Readonly<Record<string, unknown>>>(
  isPlainObject,
  'is not a JSON object',
);

/** The schema of a record from a client. */
export const recordSchema = v.strictObject({
  id: v.optional(recordId),
  act: v.picklist(ACTS, `is not one of ${ACTS.join(', ')}`),
  actor: didSchema,
  body: jsonObjectSchema as v.GenericSchema<JsonObject>,
  clock: v.pipe(
    v.number('is not a number'),
    v.safeInteger('is not an integer'),
    v.minValue(0, 'is negative'),
  ),
  data_type: v.picklist(DATA_TYPES, `is not one of ${DATA_TYPES.join(', ')}`),
  judged_by: v.optional(v.nullable(didSchema), null),
  parents: v.optional(
    v.pipe(
      v.array(recordId, 'is not a list'),
      v.maxLength(MAX_PARENTS, `lists more than ${MAX_PARENTS} records`),
      v.check(ascending, 'is not in ascending order without repeats'),
    ),
    [],
  ),
  thread: formed<ThreadId>(THREAD_ID, 'is not a thread id (th_ and 1 to 128 of A-Z a-z 0-9 _ -)'),
});

/**
 * Decodes an untrusted value into a sealed record.
 * @throws INVALID_RECORD naming the field, also when a given `id` is not the hash of the content.
 * @throws TOO_LARGE when its canonical text exceeds MAX_RECORD_BYTES.
 */
export function decodeRecord(value: unknown): SealedRecord {
  const fields = isPlainRecord(value) ? value : decodeFields(value);
  const { id } = fields;
  const sealed = seal(fields, fields.judged_by);
  if (id !== undefined && id !== sealed.record.id) {
    throw new FleetError('INVALID_RECORD', `not a valid record: id '${id}' is not the hash of its content`, {
      details: { field: 'id', given: id, computed: sealed.record.id },
      hint: 'Omit the id; it is computed.',
    });
  }
  if (Buffer.byteLength(sealed.text) > MAX_RECORD_BYTES) {
    throw new FleetError('TOO_LARGE', `the record is larger than ${MAX_RECORD_BYTES} bytes`, {
      details: { limit: MAX_RECORD_BYTES },
    });
  }
  return sealed;
}

interface Fields extends RecordContent {
  readonly id?: RecordId | undefined;
  readonly judged_by: Did | null;
}

function decodeFields(value: unknown): Fields {
  const result = v.safeParse(recordSchema, value, { abortEarly: true });
  if (!result.success) throw invalidField(result.issues[0]);
  return result.output;
}

/**
 * True when the schema would accept a value that has all nine fields as it is. Every report of a worker takes this fast
 * path; the schema decides all other cases and explains the faults. A test compares the two.
 */
export function isPlainRecord(value: unknown): value is Fields & { readonly id: RecordId } {
  if (!isPlainObject(value)) return false;
  const { act, actor, body, clock, data_type, id, judged_by, parents, thread } =
    value as Partial<FleetRecord>;
  return (
    Object.keys(value as object).length === 9 &&
    typeof id === 'string' &&
    isRecordId(id) &&
    acts.has(act) &&
    dataTypes.has(data_type) &&
    typeof actor === 'string' &&
    isDid(actor) &&
    (judged_by === null || (typeof judged_by === 'string' && isDid(judged_by))) &&
    isPlainObject(body) &&
    Number.isSafeInteger(clock) &&
    clock! >= 0 &&
    typeof thread === 'string' &&
    isThreadId(thread) &&
    Array.isArray(parents) &&
    parents.length <= MAX_PARENTS &&
    areParents(parents)
  );
}

const acts: ReadonlySet<unknown> = new Set(ACTS);
const dataTypes: ReadonlySet<unknown> = new Set(DATA_TYPES);

function invalidField(issue: v.BaseIssue<unknown>): FleetError {
  const field = v.getDotPath(issue) ?? '';
  const what =
    issue.type === 'strict_object' ? unknownOrMissing(field, issue) : `${field || 'it'} ${issue.message}`;
  return new FleetError('INVALID_RECORD', `not a valid record: ${what}`, { details: { field } });
}

function unknownOrMissing(field: string, issue: v.BaseIssue<unknown>): string {
  if (field === '') return 'it is not a JSON object';
  return issue.expected === 'never' ? `unknown field '${field}'` : `field '${field}' is missing`;
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A loop, because `every` skips the holes of a sparse list. */
function areParents(parents: readonly unknown[]): boolean {
  for (let i = 0; i < parents.length; i++) {
    const parent = parents[i];
    if (typeof parent !== 'string' || !isRecordId(parent)) return false;
    if (i > 0 && (parents[i - 1] as string) >= parent) return false;
  }
  return true;
}

function ascending(ids: RecordId[]): boolean {
  return ids.every((id, i) => i === 0 || ids[i - 1]! < id);
}
