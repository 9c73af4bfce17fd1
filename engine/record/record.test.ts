import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FleetError } from '../errors.ts';
import { canonical, type Json } from './canonical.ts';
import { hash } from './hash.ts';
import type { Did, RecordId, ThreadId } from './ids.ts';
import {
  ACTS,
  DATA_TYPES,
  decodeRecord,
  isPlainRecord,
  MAX_RECORD_BYTES,
  seal,
  type FleetRecord,
  type RecordContent,
} from './record.ts';
import { anyContent, anyDid, anyJson } from './testing/arbitraries.ts';

const content: RecordContent = {
  act: 'DO',
  actor: 'did:sync:user:ada' as Did,
  body: { text: 'hello', n: 1 },
  clock: 7,
  data_type: 'SCALAR',
  parents: ['0'.repeat(64) as RecordId, '1'.repeat(64) as RecordId],
  thread: 'th_abc' as ThreadId,
};

describe('seal', () => {
  it('hashes the canonical text of the seven fields', () => {
    fc.assert(
      fc.property(anyContent, anyDid, (some, judge) => {
        const { record, text } = seal(some, judge);
        assert.equal(text, canonical(some));
        assert.equal(record.id, hash(text));
        assert.deepEqual(record, { ...some, id: record.id, judged_by: judge });
      }),
      { numRuns: runs(100) },
    );
  });

  it('gives a record the same id whoever judged it', () => {
    assert.equal(seal(content).record.id, seal(content, 'did:sync:user:eve' as Did).record.id);
    assert.equal(seal(content).record.judged_by, null);
  });

  it('goes as deep as the canonical text of the whole record does', () => {
    let list: Json = 1;
    for (let i = 0; i < 98; i++) list = [list];
    const fitting = { ...content, body: { list } };
    assert.equal(seal(fitting).text, canonical(fitting));
    const tooDeep = { ...content, body: { list: [list] } };
    assert.throws(() => canonical(tooDeep), isInvalid);
    assert.throws(() => seal(tooDeep), isInvalid);
  });

  it('refuses a body and a clock that no canonical text can carry', () => {
    for (const broken of [
      { ...content, body: { n: 2 ** 53 } },
      { ...content, body: { text: '\ud800' } },
      { ...content, clock: 2 ** 53 },
      { ...content, clock: Number.NaN },
    ])
      assert.throws(() => seal(broken), isInvalid);
  });
});

describe('decodeRecord', () => {
  it('takes what it was made from, with and without an id, by either of its ways', () => {
    fc.assert(
      fc.property(anyContent, fc.option(anyDid), (some, judge) => {
        const sealed = seal(some, judge);
        const { id, judged_by, ...bare } = sealed.record;
        // All nine fields, which is the quick way; then what only the schema takes.
        assert.ok(isPlainRecord(sealed.record));
        assert.deepEqual(decodeRecord(sealed.record), sealed);
        for (const given of [
          { ...bare, judged_by },
          { ...bare, judged_by, id: undefined },
        ]) {
          assert.ok(!isPlainRecord(given));
          assert.deepEqual(decodeRecord(given), sealed);
        }
        assert.deepEqual(decodeRecord({ ...bare, id }), seal(some));
      }),
      { numRuns: runs(100) },
    );
  });

  it('fills in parents and judged_by', () => {
    const { parents: _, ...rest } = content;
    const { record } = decodeRecord(rest);
    assert.deepEqual(record.parents, []);
    assert.equal(record.judged_by, null);
    assert.deepEqual(decodeRecord({ ...rest, parents: undefined, judged_by: undefined }).record, record);
  });

  it('computes the id anew and refuses another, naming both (I36)', () => {
    const { record } = seal(content);
    const forged = `${record.id.slice(0, -1)}${record.id.endsWith('0') ? '1' : '0'}`;
    const message = `not a valid record: id '${forged}' is not the hash of its content`;
    for (const given of [
      { ...record, id: forged },
      { ...content, id: forged },
    ])
      assert.throws(
        () => decodeRecord(given),
        error => isInvalid(error) && error.message === message && error.details['computed'] === record.id,
      );
    for (const changed of [{ act: 'KNOW' }, { clock: 8 }, { body: {} }, { parents: [] }, { thread: 'th_b' }])
      assert.throws(() => decodeRecord({ ...record, ...changed }), isInvalid);
  });

  it('takes a member of the body that is called __proto__ for a member', () => {
    const given = JSON.parse(`{"act":"DO","actor":"did:sync:user:ada","body":{"__proto__":{"x":1}},"clock":0,
      "data_type":"SCALAR","thread":"th_a"}`) as unknown;
    const { record, text } = decodeRecord(given);
    assert.ok(text.includes('"body":{"__proto__":{"x":1}}'));
    assert.equal(record.body['x'], undefined);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });

  describe('refuses', () => {
    const id = 'a'.repeat(64);
    const tooMany = Array.from({ length: 10_001 }, (_, i) => i.toString(16).padStart(64, '0'));
    for (const [field, value, what] of [
      ['act', 'do', `act is not one of ${ACTS.join(', ')}`],
      ['act', 1, `act is not one of ${ACTS.join(', ')}`],
      ['actor', 'ada', 'actor is not a DID'],
      ['actor', 'did:sync:user:', 'actor is not a DID'],
      ['actor', 'did:sync:robot:x', 'actor is not a DID'],
      ['actor', 'did:sync:instance:ABCDEF0123456789', 'actor is not a DID'],
      ['actor', null, 'actor is not a DID'],
      ['body', [], 'body is not a JSON object'],
      ['body', null, 'body is not a JSON object'],
      ['body', 'text', 'body is not a JSON object'],
      ['clock', -1, 'clock is negative'],
      ['clock', 1.5, 'clock is not an integer'],
      ['clock', 2 ** 53, 'clock is not an integer'],
      ['clock', Number.NaN, 'clock is not a number'],
      ['clock', '1', 'clock is not a number'],
      ['data_type', 'TEXT', `data_type is not one of ${DATA_TYPES.join(', ')}`],
      ['id', 'A'.repeat(64), 'id is not a record id (64 lowercase hex digits)'],
      ['id', 'a'.repeat(63), 'id is not a record id (64 lowercase hex digits)'],
      ['id', 7, 'id is not a record id (64 lowercase hex digits)'],
      ['id', null, 'id is not a record id (64 lowercase hex digits)'],
      ['judged_by', 'ada', 'judged_by is not a DID'],
      ['judged_by', 3, 'judged_by is not a DID'],
      ['parents', id, 'parents is not a list'],
      ['parents', {}, 'parents is not a list'],
      ['parents', [id, 'b'], 'parents.1 is not a record id (64 lowercase hex digits)'],
      ['parents', [id, id], 'parents is not in ascending order without repeats'],
      ['parents', ['b'.repeat(64), id], 'parents is not in ascending order without repeats'],
      ['parents', tooMany, 'parents lists more than 10000 records'],
      ['thread', 'abc', 'thread is not a thread id (th_ and 1 to 128 of A-Z a-z 0-9 _ -)'],
      ['thread', 'th_', 'thread is not a thread id (th_ and 1 to 128 of A-Z a-z 0-9 _ -)'],
      ['thread', 'th_a b', 'thread is not a thread id (th_ and 1 to 128 of A-Z a-z 0-9 _ -)'],
      ['thread', 'th_a\n', 'thread is not a thread id (th_ and 1 to 128 of A-Z a-z 0-9 _ -)'],
      ['thread', `th_${'a'.repeat(129)}`, 'thread is not a thread id (th_ and 1 to 128 of A-Z a-z 0-9 _ -)'],
    ] as const) {
      it(`${field} ${String(JSON.stringify(value)).slice(0, 40)}`, () => {
        const given = { ...seal(content).record, [field]: value };
        assert.ok(!isPlainRecord(given));
        assert.throws(
          () => decodeRecord(given),
          error =>
            isInvalid(error) &&
            error.message === `not a valid record: ${what}` &&
            String(error.details['field']).split('.')[0] === field,
        );
      });
    }

    for (const field of ['act', 'actor', 'body', 'clock', 'data_type', 'thread'] as const) {
      it(`a record without ${field}`, () => {
        const { [field]: _, ...rest } = seal(content).record;
        assert.throws(() => decodeRecord(rest), says(`not a valid record: field '${field}' is missing`));
      });
    }

    for (const name of ['extra', '__proto__', 'constructor', 'toString']) {
      it(`a field that is called ${name}`, () => {
        const members = [...Object.entries(seal(content).record), [name, 1]];
        const given: unknown = Object.fromEntries(members);
        assert.ok(!isPlainRecord(given));
        assert.throws(() => decodeRecord(given), says(`not a valid record: unknown field '${name}'`));
      });
    }

    for (const value of [undefined, null, true, 7, 'text', 7n, () => 1]) {
      it(`${typeof value} ${String(value)}`, () => {
        assert.throws(() => decodeRecord(value), says('not a valid record: it is not a JSON object'));
      });
    }

    it('a list, and an object of nothing', () => {
      assert.throws(() => decodeRecord([]), isInvalid);
      assert.throws(() => decodeRecord({}), isInvalid);
      assert.throws(() => decodeRecord([seal(content).record]), isInvalid);
    });

    it('a body that is not JSON', () => {
      const circle: Record<string, unknown> = {};
      circle['circle'] = circle;
      for (const body of [
        { n: 1e300 },
        { f: () => 1 },
        { d: new Date() },
        { s: '\udfff' },
        { l: [undefined] },
        circle,
      ])
        assert.throws(() => decodeRecord({ ...content, body }), isInvalid);
    });

    it('a list of parents with a hole', () => {
      const parents: string[] = [];
      parents[1] = id;
      const given = { ...seal(content).record, parents };
      assert.ok(!isPlainRecord(given));
      assert.throws(() => decodeRecord(given), isInvalid);
    });
  });

  it('takes a record of just 64 MiB, and none of a byte more', () => {
    const empty = Buffer.byteLength(seal({ ...content, body: { t: '' } }).text);
    // Two bytes to a character: it is bytes that count.
    const room = MAX_RECORD_BYTES - empty;
    const fitting = 'é'.repeat(Math.floor(room / 2)) + 'x'.repeat(room % 2);
    const { text } = decodeRecord({ ...content, body: { t: fitting } });
    assert.equal(Buffer.byteLength(text), MAX_RECORD_BYTES);
    assert.throws(
      () => decodeRecord({ ...content, body: { t: `${fitting}x` } }),
      error =>
        FleetError.is(error, 'TOO_LARGE') &&
        error.message === `the record is larger than ${MAX_RECORD_BYTES} bytes`,
    );
  });
});

describe('isPlainRecord', () => {
  /** Things that stand where a field should, most of them nearly right. */
  const anyField = fc.oneof(
    anyJson,
    fc.constantFrom(
      undefined,
      null,
      -0,
      1.5,
      Number.NaN,
      2 ** 53,
      'th_x',
      'DO',
      'SCALAR',
      'did:sync:user:a',
      'did:sync:user:a\n',
      'a'.repeat(64),
      ['a'.repeat(64)],
      ['b'.repeat(64), 'a'.repeat(64)],
      ['a'.repeat(64), 'a'.repeat(64)],
      new Array<string>(2),
      new Date(0),
      new Map(),
    ),
    fc.anything(),
  );
  const anyName = fc.constantFrom(...Object.keys(seal(content).record), 'extra', '__proto__');
  const anyChange = fc.record({ name: anyName, value: anyField, remove: fc.boolean() });
  /** Records with up to three fields changed, added or taken away. */
  const nearlyRecord = fc
    .tuple(anyContent, fc.option(anyDid), fc.array(anyChange, { maxLength: 3 }))
    .map(([some, judge, changes]) => {
      const members = new Map<string, unknown>(Object.entries(seal(some, judge).record));
      for (const { name, value, remove } of changes) {
        if (remove) members.delete(name);
        else members.set(name, value);
      }
      return Object.fromEntries(members);
    });

  it('takes nothing that the schema would not take, and takes it as the schema does', () => {
    let taken = 0;
    const numRuns = runs(1_000);
    fc.assert(
      fc.property(nearlyRecord, given => {
        if (!isPlainRecord(given)) return;
        taken++;
        // Without its id, a record is the schema's to decide.
        const { id: _, ...rest } = given;
        const quick = outcome(() => decodeRecord({ ...given, id: idOf(given) }));
        const bySchema = outcome(() => decodeRecord(rest));
        assert.deepEqual(quick, bySchema);
      }),
      { numRuns },
    );
    assert.ok(taken > numRuns / 10, `only ${taken} were taken: the property says little`);
  });

  it('takes no value that is no record', () => {
    fc.assert(
      fc.property(fc.anything(), value => {
        assert.equal(isPlainRecord(value), false);
      }),
      { numRuns: runs(100) },
    );
  });
});

/** The right id, or the given one where there is none because the body is not JSON. */
function idOf(record: FleetRecord): string {
  try {
    return seal(record).record.id;
  } catch {
    return record.id;
  }
}

function outcome<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof FleetError, String(error));
    return `${error.code} ${error.message}`;
  }
}

const isInvalid = (error: unknown): error is FleetError => FleetError.is(error, 'INVALID_RECORD');
const says = (message: string) => (error: unknown) => {
  assert.ok(isInvalid(error), String(error));
  assert.equal(error.message, message);
  return true;
};
