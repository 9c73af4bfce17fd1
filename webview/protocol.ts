import * as v from 'valibot';
import { MAX_TEXT_CHARS, whole } from './protocol/limits.ts';
import { childRowSchema, joinRowSchema, serialRowSchema, speedupRowSchema } from './protocol/rows.ts';
import { stringsSchema } from './strings.ts';

export * from './protocol/rows.ts';
export { MAX_TEXT_CHARS } from './protocol/limits.ts';
export type { ViewStrings } from './strings.ts';

/**
 * The messages between the panel's two sides. Both sides decode what they receive. A message that is not understood is
 * dropped and logged; the sender gets no error. Each request of the view gets exactly one reply, also on failure.
 */

/** The most children in one message. The host sends more of them in further messages. */
export const MAX_ROWS = 1000;

const problemSchema = v.strictObject({
  code: v.string(),
  message: v.string(),
  hint: v.nullable(v.string()),
});
/** The reason for a refusal or a failure, in words. */
export type Problem = v.InferOutput<typeof problemSchema>;

export const STREAM_STATES = ['connecting', 'live', 'paused', 'disconnected'] as const;
export type StreamState = (typeof STREAM_STATES)[number];

const toViewSchema = v.variant('type', [
  v.strictObject({ type: v.literal('init'), strings: stringsSchema }),
  v.strictObject({
    type: v.literal('task'),
    thread: v.string(),
    alias: v.string(),
    /** The name of the run, such as `release #4`, or the alias. */
    name: v.string(),
    goal: v.string(),
    serial: v.boolean(),
  }),
  v.strictObject({
    type: v.literal('stream'),
    state: v.picklist(STREAM_STATES),
    note: v.nullable(v.string()),
  }),
  /** `reset` means that everything before no longer holds. `nowUnix` is the host's clock, in seconds. */
  v.strictObject({
    type: v.literal('change'),
    seq: whole,
    nowUnix: v.number(),
    reset: v.boolean(),
    join: joinRowSchema,
    children: v.pipe(v.array(childRowSchema), v.maxLength(MAX_ROWS)),
  }),
  v.strictObject({
    type: v.literal('speedup'),
    report: v.nullable(speedupRowSchema),
    problem: v.nullable(problemSchema),
  }),
  v.strictObject({ type: v.literal('serial'), run: v.nullable(serialRowSchema) }),
  v.strictObject({
    type: v.literal('reply'),
    id: whole,
    result: v.variant('ok', [
      v.strictObject({ ok: v.literal(true), value: v.nullable(v.string()) }),
      v.strictObject({ ok: v.literal(false), problem: problemSchema }),
    ]),
  }),
]);
export type ToView = v.InferOutput<typeof toViewSchema>;

/** The most characters of a picture from the view: the text of an SVG, or the base64 of a PNG. */
export const MAX_PICTURE_CHARS = 32 * 1024 * 1024;

const requestSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('output'), index: whole }),
  v.strictObject({ kind: v.literal('retry'), index: whole }),
  /** Retries every subtask that did not accept, in one round. */
  v.strictObject({ kind: v.literal('retry-failed') }),
  v.strictObject({ kind: v.literal('cancel'), index: whole }),
  /** Cancels the whole task. */
  v.strictObject({ kind: v.literal('cancel-run') }),
  v.strictObject({ kind: v.literal('rerun') }),
  /** Opens the fan-out as a new plan. */
  v.strictObject({ kind: v.literal('save-plan') }),
  /** Holds the view still. */
  v.strictObject({ kind: v.literal('pause') }),
  v.strictObject({ kind: v.literal('resume') }),
  v.strictObject({ kind: v.literal('run-serial') }),
  v.strictObject({ kind: v.literal('cancel-serial') }),
  v.strictObject({ kind: v.literal('open-serial') }),
  /** The host writes JSON from the engine's documents. */
  v.strictObject({ kind: v.literal('export-json') }),
  v.strictObject({
    kind: v.literal('export-picture'),
    format: v.picklist(['svg', 'png']),
    data: v.pipe(v.string(), v.maxLength(MAX_PICTURE_CHARS)),
  }),
]);
/**
 * A request of the view to the host. An export is answered with the path of the saved file, or null if it was not
 * saved.
 */
export type ViewRequest = v.InferOutput<typeof requestSchema>;

const toHostSchema = v.variant('type', [
  /** Sent once by every view that has started, also when a hidden panel is shown again. */
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('request'), id: whole, request: requestSchema }),
  /** Reports that the change with this number is applied: the host may send the next. */
  v.strictObject({ type: v.literal('applied'), seq: whole }),
  /** A message for the host's log. */
  v.strictObject({ type: v.literal('problem'), message: v.pipe(v.string(), v.maxLength(MAX_TEXT_CHARS)) }),
]);
export type ToHost = v.InferOutput<typeof toHostSchema>;

/** The full id of a thread. A part of an id, or an alias, could mean another task later. */
const savedThreadSchema = v.object({ thread: v.pipe(v.string(), v.regex(/^th_[A-Za-z0-9_-]{1,128}$/)) });

/** Returns the task of a view from the state that it saved with the editor; null if the state names none. */
export function savedThreadOf(state: unknown): string | null {
  const result = v.safeParse(savedThreadSchema, state);
  return result.success ? result.output.thread : null;
}

export type Decoded<T> =
  { readonly ok: true; readonly message: T } | { readonly ok: false; readonly problem: string };

export const decodeToView = (data: unknown): Decoded<ToView> => decode(toViewSchema, data);
export const decodeToHost = (data: unknown): Decoded<ToHost> => decode(toHostSchema, data);

function decode<T>(schema: v.GenericSchema<unknown, T>, data: unknown): Decoded<T> {
  const result = v.safeParse(schema, data, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return { ok: true, message: result.output };
  const [issue] = result.issues;
  const at = v.getDotPath(issue) ?? 'message';
  return { ok: false, problem: `${at}: ${issue.message}`.slice(0, 500) };
}
