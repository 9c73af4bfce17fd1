import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { countKeys, repeatedKey } from './unique-keys.ts';

describe('a key that occurs twice in an object', () => {
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

  it('does not occur in the output of JSON.stringify', () => {
    fc.assert(
      fc.property(fc.json(), text => assert.equal(repeatedKey(JSON.stringify(JSON.parse(text))), undefined)),
      { numRuns: runs(300) },
    );
  });

  it('is detected by the number of keys in the text', () => {
    const keysOf = (value: unknown): number =>
      typeof value !== 'object' || value === null
        ? 0
        : (Array.isArray(value) ? 0 : Object.keys(value).length) +
          Object.values(value).reduce((sum: number, member) => sum + keysOf(member), 0);
    const text = fc.oneof(fc.constantFrom('\\', '"', ':', '\\"', 'a": 1'), fc.string());
    const value = fc.letrec(tie => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.double(),
        fc.array(tie('value')),
        fc.dictionary(text, tie('value')),
      ),
    })).value;
    fc.assert(
      fc.property(value, fc.constantFrom('', '\n\t'), (each, indent) =>
        assert.equal(countKeys(JSON.stringify(each, null, indent)), keysOf(each)),
      ),
      { numRuns: runs(500) },
    );
    assert.equal(countKeys('{"a" :1, "a"\n: {"a\\\\":[]}}'), 3);
  });
});
