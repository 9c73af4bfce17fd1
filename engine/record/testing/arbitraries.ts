import fc from 'fast-check';
import type { Json } from '../canonical.ts';
import { ACTS, DATA_TYPES, type RecordContent } from '../record.ts';
import type { Did, RecordId, ThreadId } from '../ids.ts';

/** Generates Unicode text: code points of every plane, without lone surrogates. */
export const anyText = fc.string({ unit: 'binary', maxLength: 12 });

/** Generates numbers that a record may contain, including those with an unusual notation. */
export const anyNumber = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, noNaN: true }),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 1e-6, 1e-7, 0.1 + 0.2, Number.MAX_SAFE_INTEGER, 1 / 3),
);

/** Generates keys, including those that are sorted, counted or inherited in an unusual way. */
export const anyKey = fc.oneof(
  anyText,
  fc.nat(200).map(String),
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toJSON',
    'length',
    '01',
    '-0',
    '4294967295',
    'é',
    'e\u0301',
  ),
);

/** Generates JSON of any shape, a few levels deep, with members in any order. */
export const anyJson: fc.Arbitrary<Json> = fc.letrec<{ value: Json; list: Json[]; object: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), anyNumber, anyText),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.array(fc.tuple(anyKey, tie('value')), { maxLength: 6 }).map(asObject),
})).value;

/** Generates a JSON object. */
export const anyBody = fc
  .array(fc.tuple(anyKey, anyJson), { maxLength: 6 })
  .map(members => asObject(members) as RecordContent['body']);

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

export const anyRecordId = hex(64) as fc.Arbitrary<RecordId>;

export const anyDid = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('user', 'agent', 'system'),
      fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}$/),
    )
    .map(([kind, name]) => `did:sync:${kind}:${name}`),
  hex(16).map(digits => `did:sync:instance:${digits}`),
) as fc.Arbitrary<Did>;

/** Generates the content of any valid record. */
export const anyContent: fc.Arbitrary<RecordContent> = fc.record({
  act: fc.constantFrom(...ACTS),
  actor: anyDid,
  body: anyBody,
  clock: fc.maxSafeNat(),
  data_type: fc.constantFrom(...DATA_TYPES),
  parents: fc.uniqueArray(anyRecordId, { maxLength: 4 }).map(ids => ids.sort()),
  thread: fc.stringMatching(/^th_[A-Za-z0-9_-]{1,40}$/) as fc.Arbitrary<ThreadId>,
});

/** Defines own members with any names. */
function asObject(members: readonly (readonly [string, Json])[]): Json {
  return Object.fromEntries(members);
}
