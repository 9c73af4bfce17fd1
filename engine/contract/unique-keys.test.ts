import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { repeatedKey } from './unique-keys.ts';

describe('a key that stands twice in an object', () => {
  for (const [text, found] of [
    ['{"a":1,"a":2}', { key: 'a', position: 7 }],
    ['{"a":{"b":1,"b":2}}', { key: 'b', position: 12 }],
    ['[{"a":"a","b":["a"]},{"a":1}]', undefined],
    ['{"a":"a,\\"a\\":1","b":{"a":1}}', undefined],
    ['{"a":1,"\\u0061":2}', { key: 'a', position: 7 }],
    ['{"a":{},"a":[]}', { key: 'a', position: 8 }],
    ['{"a":[{"b":1}],"b":1,"a":1}', { key: 'a', position: 21 }],
    ['"{\\"a\\":1,\\"a\\":1}"', undefined],
  ] as const)
    it(`${found === undefined ? 'is none' : 'is found'} in ${text}`, () =>
      assert.deepEqual(repeatedKey(text), found));

  it('is in no text that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), text => assert.equal(repeatedKey(JSON.stringify(JSON.parse(text))), undefined)),
      { numRuns: runs(300) },
    );
  });
});
