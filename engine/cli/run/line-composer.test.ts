import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { LineComposer } from './line-composer.ts';

const RED = '\u001b[31m';
const RESET = '\u001b[0m';

/** Composes the lines of an output that arrives in these pieces. */
function composed(pieces: readonly Uint8Array[], prefix = 'a │ '): Buffer {
  const composer = new LineComposer(prefix);
  return Buffer.concat([...pieces.map(piece => composer.push(piece)), composer.end()]);
}

const ofText = (...pieces: readonly string[]): string =>
  composed(pieces.map(piece => Buffer.from(piece))).toString();

/** Cuts bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [...places.map(place => place % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe('the lines of a run', () => {
  it('have the name before each, and the last one ends', () => {
    assert.equal(ofText('one\n\ntw', 'o'), 'a │ one\na │ \na │ two\n');
    assert.equal(ofText(''), '');
  });

  it('show the last state of a line that was written over', () => {
    assert.equal(ofText('10%\r50%\r\u001b[2K100%\r\n'), 'a │ 100%\n');
    assert.equal(ofText('10%', '\r', '20%'), 'a │ 20%\n');
    assert.equal(ofText('dos\r\nlines\r\n'), 'a │ dos\na │ lines\n');
  });

  it('carry a colour on to the next line, and end it at the end of each', () => {
    assert.equal(
      ofText(`${RED}one\ntwo${RESET} plain\nthree\n`),
      `a │ ${RED}one${RESET}\na │ ${RED}two${RESET} plain\na │ three\n`,
    );
    assert.equal(ofText(`${RED}old\r`, 'new\n'), `a │ ${RED}new${RESET}\n`);
  });

  it('keep the attributes that are in effect, and no others', () => {
    const after = (...parameters: readonly string[]): string =>
      ofText(`${parameters.map(each => `\u001b[${each}m`).join('')}\nx\n`).split('\n')[1]!;
    assert.equal(after('1;31', '32'), `a │ \u001b[1;32mx${RESET}`);
    assert.equal(after('1', '2', '22', '4'), `a │ \u001b[4mx${RESET}`);
    assert.equal(after('38;5;200', '48;2;1;2;3'), `a │ \u001b[38;5;200;48;2;1;2;3mx${RESET}`);
    assert.equal(after('38:2::1:2:3'), `a │ \u001b[38:2::1:2:3mx${RESET}`);
    assert.equal(after('31', '39', '4', '4:0'), 'a │ x');
    assert.equal(after('31', ''), 'a │ x');
  });

  it('have no sequence that moves the cursor or changes the terminal', () => {
    const title = '\u001b]0;title\u0007';
    const link = '\u001b]8;;https://example.org\u001b\\';
    assert.equal(
      ofText(`a\u001b[2Jb${title}c${link}d\u001b[?25le\u0008\u0007\u009b1Af\tg\n`),
      'a │ abcde1Af\tg\n',
    );
  });

  it('keep bytes of any encoding', () => {
    const latin1 = Buffer.from('caf\u00e9 \u00ff\n', 'latin1');
    assert.deepEqual(composed([latin1], ''), latin1);
  });

  it('are the same however the output is cut', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '\n',
        '\r',
        '\r\n',
        RED,
        RESET,
        '\u001b[1m',
        '\u001b[2K',
        '\u001b]0;x\u0007',
        'é',
        '✓',
        '🚀',
        'a',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part), fc.array(fc.nat()), (parts, places) => {
        const whole = Buffer.from(parts.join(''));
        assert.deepEqual(composed(cut(whole, places)), composed([whole]));
      }),
      { numRuns: runs(200) },
    );
  });

  it('keep every character of plain text, and only add names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.nat()), (text, places) => {
        // Controls are removed, so that they are no part of plain text.
        const plain = text.replace(/\p{Cc}/gu, '\n');
        const lines = plain.split('\n');
        if (lines.at(-1) === '') lines.pop();
        const expected = lines.map(line => `name │ ${line}\n`).join('');
        assert.equal(composed(cut(Buffer.from(plain), places), 'name │ ').toString(), expected);
      }),
      { numRuns: runs(200) },
    );
  });

  it('are the same whether their bytes arrive together or one by one, wherever they lie in memory', () => {
    const byte = fc.oneof(
      fc.constantFrom(0, 9, 10, 13, 27, 31, 32, 126, 127, 128, 0x9b, 0xa0, 0xc2, 255),
      fc.integer({ min: 32, max: 126 }),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), fc.nat({ max: 3 }), (bytes, shift) => {
        const memory = new Uint8Array(shift + bytes.length);
        memory.set(bytes, shift);
        const together = composed([memory.subarray(shift)]);
        const apart = composed(bytes.map(each => Buffer.of(each)));
        assert.deepEqual(together.toString('latin1'), apart.toString('latin1'));
      }),
      { numRuns: runs(500) },
    );
  });

  it('never tear a character or a sequence of a line that is too long', () => {
    fc.assert(
      fc.property(fc.nat({ max: 8 }), fc.constantFrom('é', '✓', '🚀', `${RED}x${RESET}`), (shift, unit) => {
        const text = 'x'.repeat(shift) + unit.repeat(40_000);
        const lines = composed(cut(Buffer.from(text), [30_001, 65_535, 65_540, 131_071]), '').toString();
        const plain = (all: string): string => all.replace(/\u001b\[\d+m|\n/g, '');
        assert.ok(plain(lines) === plain(text));
      }),
      { numRuns: runs(20) },
    );
  });

  it('are few for a progress bar without an end', () => {
    const composer = new LineComposer('');
    const states = Array.from({ length: 20_000 }, (_, i) => composer.push(Buffer.from(`\r${RED}${i} done`)));
    assert.equal(Buffer.concat(states).toString(), '');
    assert.equal(Buffer.from(composer.end()).toString(), `${RED}19999 done${RESET}\n`);
  });
});
