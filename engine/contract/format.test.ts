import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import {
  childCost,
  duration,
  fields,
  oneLine,
  plural,
  portOf,
  seconds,
  subtaskWord,
  table,
  times,
  totalCost,
} from './format.ts';

describe('format', () => {
  it('writes seconds with about three digits', () => {
    const cases = [
      [0, '0'],
      [0.00042, '0'],
      [0.0042, '0.004'],
      [0.25, '0.25'],
      [0.949, '0.95'],
      [0.999, '1'],
      [1.004, '1'],
      [1.26, '1.3'],
      [99.94, '99.9'],
      [99.96, '100'],
      [340.4, '340'],
    ] as const;
    for (const [secs, text] of cases) assert.equal(seconds(secs), text);
  });

  it('writes the known part of a cost, and never 0 for an unknown one', () => {
    assert.deepEqual([childCost(0), childCost(0.256), childCost(0, true)], ['$0.00', '$0.26', 'unknown']);
    assert.deepEqual(
      [totalCost(0), totalCost(0.25, 0), totalCost(0, 2), totalCost(0.25, 1)],
      ['$0.0000', '$0.2500', 'unknown', 'at least $0.2500'],
    );
  });

  it('writes longer spans in two units', () => {
    const cases = [
      [1, '1s'],
      [59.9, '59.9s'],
      [59.96, '1m 00s'],
      [125, '2m 05s'],
      [3_599.4, '59m 59s'],
      [3_599.6, '1h 00m'],
      [3_725, '1h 02m'],
      [86_400, '1d 00h'],
      [273_600, '3d 04h'],
    ] as const;
    for (const [secs, text] of cases) assert.equal(duration(secs), text);
  });

  it('truncates a text to one line of a width', () => {
    assert.equal(oneLine('  short ', 10), 'short');
    assert.equal(oneLine('first\nsecond', 10), 'first…');
    assert.equal(oneLine('0123456789a', 10), '012345678…');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, max) => {
        assert.ok(oneLine(text, max).length <= max);
        assert.ok(!oneLine(text, max).includes('\n'));
      }),
      { numRuns: runs(100) },
    );
  });

  it('aligns columns and fields', () => {
    assert.deepEqual(
      table(
        ['A', 'BB'],
        [
          ['longer', 'x'],
          ['', 'y'],
        ],
      ),
      ['A       BB', 'longer  x', '        y'],
    );
    assert.deepEqual(
      fields([
        ['a', '1'],
        ['left out', null],
        ['long', '2'],
      ]),
      ['  a:     1', '  long:  2'],
    );
    assert.deepEqual(fields([]), []);
  });

  it('keeps text within its cell', () => {
    assert.deepEqual(table(['A', 'B'], [['x\ny', '\u202e\u001b[2J']]), ['A    B', 'x y    [2J']);
    assert.deepEqual(fields([['a', 'x\u0085y']]), ['  a:  x y']);
  });

  it('writes counts, ratios and ports', () => {
    assert.deepEqual([plural(1, 'row'), plural(0, 'row'), plural(2, 'row')], ['1 row', '0 rows', '2 rows']);
    assert.deepEqual([times(2), times(null)], ['2.00×', '–']);
    assert.deepEqual([portOf('http://127.0.0.1:9100'), portOf(null)], [':9100', '–']);
  });
});

describe('the word for a subtask on a command line', () => {
  it('is its name, unless a command would interpret it', () => {
    const words = ['lint', 'a/b.c-1', '-x', '1', 'a b', '$x', '', null].map(name =>
      subtaskWord({ name, index: 7 }),
    );
    assert.deepEqual(words, ['lint', 'a/b.c-1', '7', '7', '7', '7', '7', '7']);
  });
});
