import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { isMap, isScalar, parseDocument, Scalar, stringify } from 'yaml';
import { runs } from '../../test/runs.ts';
import { scalarOffsets } from './scalar-map.ts';

/** Returns the value of `join` in a text, with its offsets. */
function offsetsIn(text: string): { readonly value: string; readonly offsets: readonly number[] } {
  const root = parseDocument(text).contents;
  assert.ok(isMap(root));
  const node = root.get('join', true);
  assert.ok(isScalar(node) && typeof node.value === 'string', text);
  const [start, end] = node.range!;
  const value = node.value;
  return { value, offsets: scalarOffsets(text, { type: node.type, value }, [start, end]) };
}

describe('the place of a character in a scalar', () => {
  const written: readonly (readonly [how: string, text: string])[] = [
    ['plain', 'join: a.b == c\n'],
    ['plain over lines', 'join: a &&\n   b &&\n\n   c\n'],
    ['in single quotes', "join: 'it''s b'\n"],
    ['in double quotes', 'join: "a \\"b\\" \\u0041 \\x41 c\\\n  d e"\n'],
    ['folded', 'join: >-\n  a &&\n  b\n\n  c\n'],
    ['literal', 'join: |\n  a &&\n    b\n  c\n'],
  ];
  for (const [how, text] of written) {
    it(`is where it is written: ${how}`, () => {
      const { value, offsets } = offsetsIn(text);
      assert.equal(offsets.length, value.length + 1);
      for (const [index, character] of [...value].entries()) {
        const at = text[offsets[index]!]!;
        const isWhite = /\s/.test(character);
        const stands = isWhite ? /[\s\\]/.test(at) : at === character || at === '\\';
        assert.ok(stands, `'${character}' (${index}) is said to be at '${at}' (${offsets[index]})`);
      }
    });
  }

  it('never precedes that of an earlier character, in any style', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab \n\'"\\:#-|>&*{}[],%\u00e9\t'), maxLength: 40 });
    const styles = fc.constantFrom(
      Scalar.PLAIN,
      Scalar.QUOTE_DOUBLE,
      Scalar.QUOTE_SINGLE,
      Scalar.BLOCK_FOLDED,
      Scalar.BLOCK_LITERAL,
    );
    fc.assert(
      fc.property(text, styles, (value, style) => {
        const scalar = new Scalar(value);
        scalar.type = style;
        const source = stringify({ join: scalar, next: 1 }, { lineWidth: 20 });
        // Some plain texts are read as something else.
        const written: unknown = parseDocument(source).get('join');
        fc.pre(typeof written === 'string');
        // The writer does not keep all white space, so the text is read back.
        const { value: read, offsets } = offsetsIn(source);
        assert.equal(offsets.length, read.length + 1);
        for (let i = 1; i < offsets.length; i++)
          assert.ok(offsets[i]! >= offsets[i - 1]!, JSON.stringify(source));
        for (const [index, character] of Array.from(read).entries()) {
          if (!/[ab]/.test(character) || /[^\x20-\x7e]/.test(read)) continue;
          assert.equal(source[offsets[index]!], character, JSON.stringify(source));
        }
      }),
      { numRuns: runs(400) },
    );
  });
});
