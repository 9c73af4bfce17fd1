import assert from 'node:assert/strict';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FleetError } from '../errors.ts';
import { canonical } from './canonical.ts';
import { anyJson } from './testing/arbitraries.ts';

describe('canonical', () => {
  it('writes what RFC 8785 writes, byte for byte', () => {
    fc.assert(
      fc.property(anyJson, value => {
        assert.equal(canonical(value), canonicalize(value));
      }),
      { numRuns: runs(2_000) },
    );
  });

  it('writes the same whatever order the members stand in', () => {
    fc.assert(
      fc.property(anyJson, fc.infiniteStream(fc.nat()), (value, choices) => {
        assert.equal(canonical(shuffled(value, choices)), canonical(value));
      }),
      { numRuns: runs(100) },
    );
  });

  it('writes what it reads back as the same', () => {
    fc.assert(
      fc.property(anyJson, value => {
        const text = canonical(value);
        assert.equal(canonical(JSON.parse(text)), text);
      }),
      { numRuns: runs(100) },
    );
  });

  it('sorts as in the example of RFC 8785, section 3.2.3', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    assert.deepEqual(
      [...canonical(value).matchAll(/:"([^"]*)"/g)].map(([, name]) => name),
      [
        'Carriage Return',
        'One',
        'Control',
        'Latin Small Letter O With Diaeresis',
        'Euro Sign',
        'Emoji: Grinning Face',
        'Hebrew Letter Dalet With Dagesh',
      ],
    );
  });

  it('writes the example of RFC 8785, section 3.2.2, but for its number that is beyond 2^53', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    assert.equal(
      canonical(JSON.parse(text)),
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    assert.throws(() => canonical(1e30), refused('number 1e+30 is beyond 2^53'));
  });

  for (const [bits, text] of [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ] as const) {
    it(`writes the number ${bits} of RFC 8785, appendix B, as ${text}`, () => {
      const number = Buffer.from(bits, 'hex').readDoubleBE();
      assert.equal(canonical(number), text);
      assert.equal(canonical({ b: number, a: number }), `{"a":${text},"b":${text}}`);
    });
  }

  it('leaves out members that are undefined, in order or not', () => {
    assert.equal(canonical({ a: undefined, b: 1 }), '{"b":1}');
    assert.equal(canonical({ b: 1, a: undefined, c: { d: undefined } }), '{"b":1,"c":{}}');
  });

  it('writes an object without a prototype as any other', () => {
    const bare = Object.assign(Object.create(null) as object, { b: 1, a: [{}] });
    assert.equal(canonical(bare), '{"a":[{}],"b":1}');
    assert.equal(canonical({ a: bare }), '{"a":{"a":[{}],"b":1}}');
  });

  it('takes a member that is called __proto__ for a member', () => {
    const value = JSON.parse('{"b":1,"__proto__":{"z":1,"a":2}}') as unknown;
    assert.equal(canonical(value), '{"__proto__":{"a":2,"z":1},"b":1}');
  });

  it('writes a list by its items, whatever else the list can do', () => {
    const list = Object.assign([1, 2], { toJSON: () => 'else' });
    assert.equal(canonical(list), '[1,2]');
    assert.equal(canonical({ a: list }), '{"a":[1,2]}');
  });

  it('goes 100 levels deep and no further', () => {
    assert.equal(canonical(nested(100, 1)), '['.repeat(100) + '1' + ']'.repeat(100));
    assert.throws(() => canonical(nested(101, 1)), refused('nesting deeper than 100'));
    // Out of order at the bottom, so that it is not the runtime's own writer that writes it.
    assert.ok(canonical(nested(99, { b: 1, a: 2 })).includes('{"a":2,"b":1}'));
    assert.throws(() => canonical(nested(100, { b: 1, a: 2 })), refused('nesting deeper than 100'));
    const endless: unknown[] = [];
    endless.push(endless, endless);
    assert.throws(() => canonical(endless), refused('nesting deeper than 100'));
  });

  describe('refuses', () => {
    const sparse: unknown[] = [1];
    sparse.length = 3;
    for (const [what, value, message] of [
      ['2^53', 2 ** 53, 'number 9007199254740992 is beyond 2^53'],
      ['-2^53', -(2 ** 53), 'number -9007199254740992 is beyond 2^53'],
      ['the largest double', Number.MAX_VALUE, 'number 1.7976931348623157e+308 is beyond 2^53'],
      ['NaN', Number.NaN, 'number NaN is beyond 2^53'],
      ['Infinity', Number.POSITIVE_INFINITY, 'number Infinity is beyond 2^53'],
      ['-Infinity', Number.NEGATIVE_INFINITY, 'number -Infinity is beyond 2^53'],
      ['a high surrogate alone', 'a\ud800', 'a lone surrogate is not Unicode text'],
      ['a low surrogate alone', '\udc00b', 'a lone surrogate is not Unicode text'],
      ['surrogates the wrong way round', '\ude00\ud83d', 'a lone surrogate is not Unicode text'],
      ['a bigint', 1n, 'bigint is not JSON'],
      ['a symbol', Symbol('s'), 'symbol is not JSON'],
      ['a function', () => 1, 'function is not JSON'],
      ['a hole in a list', sparse, 'undefined is not JSON'],
      ['undefined in a list', [undefined], 'undefined is not JSON'],
      ['an object that says how it is written', { toJSON: () => ({}) }, 'function is not JSON'],
      ['a date', new Date(0), 'only plain objects are JSON'],
      ['a map', new Map([['a', 1]]), 'only plain objects are JSON'],
      ['a set', new Set([1]), 'only plain objects are JSON'],
      ['bytes', new Uint8Array(2), 'only plain objects are JSON'],
      ['a number in an object', Object(1) as unknown, 'only plain objects are JSON'],
      ['an instance of a class', new (class Sub {})(), 'only plain objects are JSON'],
    ] as const) {
      it(what, () => {
        // Alone, and where an ordered and an unordered object would each have been written.
        const places = [value, { a: value }, { b: [value], a: 1 }];
        for (const place of places) assert.throws(() => canonical(place), refused(message));
      });
    }

    it('undefined by itself', () => {
      assert.throws(() => canonical(undefined), refused('undefined is not JSON'));
    });

    it('half a surrogate pair in a key', () => {
      for (const value of [{ '\ud800': 1 }, { b: 1, 'a\udfff': 2 }, [{ a: { '\udc00': 1 } }]])
        assert.throws(() => canonical(value), refused('a lone surrogate is not Unicode text'));
    });
  });

  it('takes text for text that looks like half a surrogate pair', () => {
    for (const text of ['\\ud800', '\\\\udfff', '"\\ud83d', '\ud83d\ude00'])
      assert.equal(canonical({ [text]: text }), JSON.stringify({ [text]: text }));
  });
});

function refused(what: string): (error: unknown) => boolean {
  return error => {
    assert.ok(FleetError.is(error, 'INVALID_RECORD'), String(error));
    assert.equal(error.message, `not a valid record: ${what}`);
    return true;
  };
}

function nested(levels: number, inmost: unknown): unknown {
  let value = inmost;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

/** The same value with the members of its objects in another order. */
function shuffled(value: unknown, choices: Iterator<number>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => shuffled(item, choices));
  const rest = Object.entries(value);
  const members: [string, unknown][] = [];
  while (rest.length > 0) {
    const [[key, member]] = rest.splice((choices.next().value as number) % rest.length, 1) as [
      [string, unknown],
    ];
    members.push([key, shuffled(member, choices)]);
  }
  return Object.fromEntries(members);
}
