import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { SUMMARY_CHARS } from './executor.ts';
import { cutToLength, OutputTail } from './summary.ts';

function summaryOf(...chunks: (string | Uint8Array)[]): string {
  const tail = new OutputTail();
  for (const chunk of chunks) tail.add(Buffer.from(chunk as string));
  return tail.summary();
}

describe('the summary of an output', () => {
  it('is the whole of a short one, without the last line feed', () => {
    assert.equal(summaryOf(), '');
    assert.equal(summaryOf('one\n', 'two\n'), 'one\ntwo');
  });

  it('is the last whole lines of a long one', () => {
    const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n}`);
    const summary = summaryOf(lines.join('\n'));
    assert.ok(summary.length > SUMMARY_CHARS - 20 && summary.length <= SUMMARY_CHARS);
    assert.deepEqual(summary.split('\n'), lines.slice(-summary.split('\n').length));
  });

  it('is the end of a line that is longer than a summary', () => {
    assert.equal(summaryOf('🙂'.repeat(20_000)), '🙂'.repeat(SUMMARY_CHARS / 2));
    assert.equal(summaryOf(`${'🙂'.repeat(20_000)}x`), `${'🙂'.repeat(SUMMARY_CHARS / 2 - 1)}x`);
  });

  it('does not invent damage where it cuts', () => {
    const text = 'é'.repeat(9_000);
    assert.ok(!summaryOf('x', text).includes('\ufffd'));
    assert.ok(!summaryOf(...Array.from(text)).includes('\ufffd'));
  });

  it('shows damaged bytes as such, also across chunks', () => {
    assert.equal(summaryOf(Uint8Array.of(0xff, 0x61, 0xc3)), '\ufffda\ufffd');
    assert.equal(summaryOf(Uint8Array.of(0xc3), Uint8Array.of(0xa9)), 'é');
  });

  it('takes out what steers a terminal, and keeps lines and tabs', () => {
    assert.equal(
      summaryOf('\u001b[31mred\u001b[0m\tx\u0000\u0007\u009b\r\n10 %\r20 %\n'),
      'red\tx\n10 %\n20 %',
    );
  });

  it('is short and valid whatever is printed, in whatever chunks', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(chunks, all => {
        const summary = summaryOf(...all);
        assert.ok(summary.length <= SUMMARY_CHARS);
        assert.ok((summary as string & { isWellFormed(): boolean }).isWellFormed());

        assert.doesNotMatch(summary, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
        assert.equal(summaryOf(Buffer.concat(all)), summary);
      }),
      { numRuns: runs(100) },
    );
  });
});

describe('a text cut to length', () => {
  it('stays whole, or ends in an ellipsis after a whole character', () => {
    assert.equal(cutToLength('abc', 3), 'abc');
    assert.equal(cutToLength('abcd', 3), 'ab…');
    assert.equal(cutToLength('a🙂cd', 3), 'a…');
  });
});
