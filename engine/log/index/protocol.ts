import * as v from 'valibot';
import { FleetError, messageOf, type ErrorCode } from '../../errors.ts';

/** The messages between the index and its thread. Only one request is open at a time. */

const position = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const limit = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

export const workerDataSchema = v.object({
  logDir: v.string(),
  /** The path of the checkpoint. */
  file: v.string(),
  /** The number of new rows after which a checkpoint is written. */
  checkpointRows: limit,
});
export type WorkerData = v.InferOutput<typeof workerDataSchema>;

export const filterSchema = v.object({
  thread: v.optional(v.string()),
  actor: v.optional(v.string()),
  act: v.optional(v.string()),
  /** Returns only later positions. */
  after: v.optional(position),
  limit,
});
export const threadsFilterSchema = v.object({
  /** Returns only threads whose first record is after this position. */
  after: v.optional(position),
  /** Returns only threads whose name begins with this text. */
  prefix: v.optional(v.string()),
  limit,
});

export type PositionsFilter = v.InferOutput<typeof filterSchema>;
export type ThreadsFilter = v.InferOutput<typeof threadsFilterSchema>;

/** The id of a request, to answer it by. */
export const numberedSchema = v.object({ id: position });

/** Every answer includes all records before `end`, the log's end. */
export const requestSchema = v.variant('kind', [
  v.object({ id: position, kind: v.literal('catch-up'), end: position }),
  v.object({ id: position, kind: v.literal('positions'), end: position, filter: filterSchema }),
  v.object({ id: position, kind: v.literal('threads'), end: position, filter: threadsFilterSchema }),
  v.object({ id: position, kind: v.literal('query'), end: position, sql: v.string(), limit }),
  v.object({ id: position, kind: v.literal('close') }),
]);
export type Request = v.InferOutput<typeof requestSchema>;
export type RequestKind = Request['kind'];

const threadRowSchema = v.object({
  thread: v.string(),
  records: position,
  firstPosition: position,
  /** Milliseconds since 1970, as `lastAt`. */
  firstAt: v.number(),
  lastAt: v.number(),
});
const threadsSchema = v.object({ threads: v.array(threadRowSchema), total: position });
const querySchema = v.object({
  columns: v.array(v.string()),
  rows: v.array(v.array(v.union([v.string(), v.number(), v.null()]))),
  truncated: v.boolean(),
});

/** The answer to each kind of request. */
export interface Answers {
  'catch-up': null;
  positions: Float64Array;
  threads: v.InferOutput<typeof threadsSchema>;
  query: v.InferOutput<typeof querySchema>;
  close: null;
}
export const answerSchemas: { readonly [K in RequestKind]: v.GenericSchema<unknown, Answers[K]> } = {
  'catch-up': v.null(),
  positions: v.instance(Float64Array),
  threads: threadsSchema,
  query: querySchema,
  close: v.null(),
};

const CODES = [
  'INVALID_RECORD',
  'LOG_DAMAGED',
  'LOG_SHORT',
  'HOME_NEWER',
  'UNAVAILABLE',
  'INTERNAL',
] as const satisfies readonly ErrorCode[];
const errorSchema = v.object({
  code: v.picklist(CODES),
  message: v.string(),
  details: v.record(v.string(), v.unknown()),
  hint: v.optional(v.string()),
});

export const replySchema = v.variant('kind', [
  /** Sent when the index is up to date, and the time of the query itself begins. */
  v.object({ id: position, kind: v.literal('running') }),
  v.object({ id: position, kind: v.literal('answer'), answer: v.unknown() }),
  v.object({ id: position, kind: v.literal('error'), error: errorSchema }),
]);
export type Reply = v.InferOutput<typeof replySchema>;

/** Encodes an error for another thread. */
export function packError(thrown: unknown): v.InferOutput<typeof errorSchema> {
  if (!FleetError.is(thrown)) {
    return { code: 'UNAVAILABLE', message: `the index failed: ${messageOf(thrown)}`, details: {} };
  }
  const { message, details, hint } = thrown;
  const code = CODES.find(known => known === thrown.code) ?? 'INTERNAL';
  return { code, message, details, ...(hint === undefined ? {} : { hint }) };
}

/** Decodes an error from `packError`. */
export function unpackError({ code, message, details, hint }: v.InferOutput<typeof errorSchema>): FleetError {
  return new FleetError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
}
