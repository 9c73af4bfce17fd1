import * as v from 'valibot';
import { FleetError } from '../errors.ts';
import { isReservedThread } from '../record/ids.ts';

/**
 * The file of a snapshot: JSON documents, one per line. The first line is a header. The records follow in the order of
 * their log, each signature before the first record that came with it. The last line has the number of records and the
 * digest of all lines before it, so that a truncated or changed file is detected.
 */

export const SNAPSHOT_FORMAT = 'spl-snapshot';
export const SNAPSHOT_VERSION = 1;

const count = v.pipe(
  v.number('is not a number'),
  v.safeInteger('is not whole'),
  v.minValue(0, 'is negative'),
);
const text = v.string('is not text');

const headerSchema = v.looseObject({
  line: v.literal('header'),
  format: v.literal(SNAPSHOT_FORMAT, `is not '${SNAPSHOT_FORMAT}'`),
  version: count,
  /** The instance that wrote the log. */
  home: text,
  at_unix: v.number('is not a number'),
});

const signatureSchema = v.looseObject({
  line: v.literal('signature'),
  by: text,
  sig: text,
  ids: v.array(text, 'is not a list'),
  public_key: v.nullable(text),
});

const recordSchema = v.looseObject({
  line: v.literal('record'),
  position: count,
  at_unix: v.number('is not a number'),
  /** True where the record came with the nearest signature above it. */
  signed: v.boolean('is not true or false'),
  record: v.looseObject({ actor: text, thread: text, clock: count }, 'is not an object'),
});

const endSchema = v.looseObject({
  line: v.literal('end'),
  records: count,
  /** SHA-256 of all lines before this one, including their line ends, in hex. */
  sha256: text,
});

export const snapshotLineSchema = v.variant(
  'line',
  [headerSchema, signatureSchema, recordSchema, endSchema],
  'is not a line of a snapshot',
);
export type SnapshotLine = v.InferOutput<typeof snapshotLineSchema>;
export type SnapshotHeader = v.InferOutput<typeof headerSchema>;
export type SnapshotRecord = v.InferOutput<typeof recordSchema>;
export type SnapshotSignature = v.InferOutput<typeof signatureSchema>;
/** A signature as an audit shows it. */
export type KnownSignature = Pick<SnapshotSignature, 'by' | 'sig' | 'ids' | 'public_key'>;

/**
 * Returns true for a thread that a snapshot may contain. The fleet's own threads describe their home and are excluded.
 */
export const isInSnapshots = (thread: string): boolean => !isReservedThread(thread);

/** @throws SCOPE_FORBIDDEN for a thread that no snapshot may have */
export function requireInSnapshots(thread: string): void {
  if (isInSnapshots(thread)) return;
  throw new FleetError('SCOPE_FORBIDDEN', `'${thread}' belongs to the fleet and describes only this home`, {
    details: { thread },
    hint: `Read it with: spl audit export --thread ${thread}`,
  });
}
