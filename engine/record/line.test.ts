import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FleetError } from '../errors.ts';
import { hash } from './hash.ts';
import type { Did, RecordId, ThreadId } from './ids.ts';
import { decodeForeignEntry, decodeForeignLine, encodeLine, readOwnLine, verifyLine } from './line.ts';
import { seal, type RecordContent } from './record.ts';
import { anyContent, anyDid } from './testing/arbitraries.ts';

const content: RecordContent = {
  act: 'KNOW',
  actor: 'did:sync:agent:bo' as Did,
  body: { note: 'x' },
  clock: 0,
  data_type: 'SCALAR',
  parents: [],
  thread: 'th_t' as ThreadId,
};
const judge = 'did:sync:user:ada' as Did;

describe('a line', () => {
  it('is read back as the record that it was written from, by either reader', () => {
    fc.assert(
      fc.property(anyContent, fc.option(anyDid), (some, by) => {
        const sealed = seal(some, by);
        const line = encodeLine(sealed);
        assert.ok(!line.includes('\n'));
        // The text says -0 as 0, and so does what is read from it.
        const read = JSON.parse(sealed.text) as RecordContent;
        const expected = { record: { ...sealed.record, ...read }, text: sealed.text };
        for (const decoded of [decodeForeignLine(line), readOwnLine(line)]) {
          assert.deepEqual(decoded, expected);
          assert.ok(verifyLine(decoded));
          assert.equal(encodeLine(decoded), line);
        }
      }),
      { numRuns: runs(100) },
    );
  });

  it('may hold in its body whatever a line is made of', () => {
    for (const body of [
      { '"r":': '"r":', r: { r: 1 } },
      { id: 'a'.repeat(64), j: 'did:sync:user:x', r: null },
      { text: '},"r":{"act":"DO"}' },
      { text: '\n\u2028\u0000"\\' },
      JSON.parse('{"__proto__":{"id":"x"}}') as RecordContent['body'],
    ]) {
      for (const by of [null, judge]) {
        const sealed = seal({ ...content, body }, by);
        const line = encodeLine(sealed);
        assert.deepEqual(decodeForeignLine(line), sealed);
        assert.deepEqual(readOwnLine(line), sealed);
      }
    }
  });

  it('without a judge has none', () => {
    assert.ok(encodeLine(seal(content)).startsWith(`{"id":"${seal(content).record.id}","r":{`));
    assert.ok(encodeLine(seal(content, judge)).includes(`,"j":"${judge}","r":{`));
  });
});

describe('decodeForeignLine', () => {
  const { record, text } = seal(content);
  const of = (members: string): string => `{"id":"${record.id}",${members}}`;
  const changed = text.replace('"x"', '"y"');
  const forged = text.replace('{"act"', '{"id":"z","act"');
  const twice = (first: string, last: string): string =>
    of(`"r":${text.replace('"clock":0', `"clock":${first},"clock":${last}`)}`);

  it('takes spaces and another order of members, and gives the canonical text', () => {
    const { act, ...rest } = content;
    const line = JSON.stringify({ r: { ...rest, act }, id: record.id }, null, 1);
    assert.deepEqual(decodeForeignLine(line), { record, text });
  });

  it('hashes what it takes when a member stands there twice', () => {
    assert.deepEqual(decodeForeignLine(twice('1', '0')), { record, text });
    assert.throws(() => decodeForeignLine(twice('0', '1')), refused(/is not the hash of its content/));
  });

  it('takes a line without an id, and gives it one', () => {
    assert.deepEqual(decodeForeignLine(`{"r":${text}}`), { record, text });
  });

  for (const [what, line, message] of [
    ['an empty line', '', /the line is not JSON/],
    ['half a line', of(`"r":${text}`).slice(0, -5), /the line is not JSON/],
    ['a number', '7', /the line is not a JSON object/],
    ['null', 'null', /the line is not a JSON object/],
    ['a line without content', of('"x":1'), /the line has no content/],
    ['content that is text', of('"r":"{}"'), /the line has no content/],
    ['content that is a list', of(`"r":[${text}]`), /field 'act' is missing|unknown field '0'/],
    ['content that was changed', of(`"r":${changed}`), /is not the hash of its content/],
    ['another id', `{"id":"${'f'.repeat(64)}","r":${text}}`, /is not the hash of its content/],
    ['an id that is none', `{"id":"x","r":${text}}`, /id is not a record id/],
    ['an id of null', `{"id":null,"r":${text}}`, /id is not a record id/],
    ['a judge that is none', of(`"j":"eve","r":${text}`), /judged_by is not a DID/],
    ['a judge that is a number', of(`"j":7,"r":${text}`), /judged_by is not a DID/],
    ['a judge with a quote', of(`"j":"did:sync:user:a\\",\\"r\\":{}","r":${text}`), /judged_by is not a DID/],
    ['an id within the content', of(`"r":${forged}`), /id is not part of the content/],
    [
      'an id in the place of the parents',
      of(`"r":${text.replace('"parents":[]', '"id":"z"')}`),
      /id is not part of the content/,
    ],
    [
      'a judge within the content',
      of(`"r":${text.replace('{"act"', '{"judged_by":null,"act"')}`),
      /judged_by is not part of the content/,
    ],
    [
      'an unknown field in the place of the parents',
      of(`"r":${text.replace('"parents":[]', '"x":1')}`),
      /unknown field 'x'/,
    ],
    [
      'a field called __proto__',
      of(`"r":${text.replace('{"act"', '{"__proto__":{},"act"')}`),
      /unknown field '__proto__'/,
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeForeignLine(line), refused(message));
    });
  }

  it('refuses whatever else it is given, in its own words', () => {
    fc.assert(
      fc.property(fc.anything(), value => {
        assert.throws(() => decodeForeignEntry(value), refused(/^not a valid record: /));
      }),
      { numRuns: runs(100) },
    );
    fc.assert(
      fc.property(fc.json(), line => {
        assert.throws(() => decodeForeignLine(line), refused(/^not a valid record: /));
      }),
      { numRuns: runs(100) },
    );
  });
});

describe('verifyLine', () => {
  const sealed = seal(content, judge);

  it('knows a record that is not what its id says', () => {
    assert.ok(verifyLine(sealed));
    const { record, text } = sealed;
    for (const wrong of [
      { record: { ...record, id: 'f'.repeat(64) as RecordId }, text },
      { record, text: text.replace('"x"', '"y"') },
      { record: { ...record, body: {} }, text },
      { record: { ...record, clock: 1 }, text },
      { record: { ...record, judged_by: 'eve' as Did }, text },
    ])
      assert.equal(verifyLine(wrong), false);
  });

  it('knows text that hashes to its id and is not canonical', () => {
    for (const body of [
      '{ }',
      '{"b":1,"a":2}',
      '{"n":9007199254740993}',
      '{"n":1.0}',
      '{"s":"\\u0061"}',
      '{"s":"\\ud800"}',
    ]) {
      const text = sealed.text.replace('{"note":"x"}', body);
      const line = encodeLine({ record: { ...sealed.record, id: hash(text) as RecordId }, text });
      assert.equal(verifyLine(readOwnLine(line)), false, body);
    }
    const deep = '['.repeat(200) + ']'.repeat(200);
    const text = sealed.text.replace('"x"', deep);
    const line = encodeLine({ record: { ...sealed.record, id: hash(text) as RecordId }, text });
    assert.equal(verifyLine(readOwnLine(line)), false);
  });
});

function refused(message: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(FleetError.is(error, 'INVALID_RECORD'), String(error));
    assert.match(error.message, message);
    return true;
  };
}
