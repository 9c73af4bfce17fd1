import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { Backlog } from './backlog.ts';

describe('output that waits to be shown', () => {
  const chunk = (text: string): Uint8Array => Buffer.from(text);
  const shown = (backlog: Backlog): { omitted: number; text: string } => {
    const { omitted, bytes } = backlog.take();
    return { omitted, text: Buffer.from(bytes).toString() };
  };

  it('is complete while it fits, and is taken once', () => {
    const backlog = new Backlog(10);
    backlog.push(chunk('one\n'));
    backlog.push(chunk('two\n'));
    assert.deepEqual(shown(backlog), { omitted: 0, text: 'one\ntwo\n' });
    assert.deepEqual(shown(backlog), { omitted: 0, text: '' });
  });

  it('keeps the end if it does not fit, from the beginning of a line', () => {
    const backlog = new Backlog(6);
    for (const text of ['first\nse', 'cond\nth', 'ird\nfourth\n']) backlog.push(chunk(text));
    assert.deepEqual(shown(backlog), {
      omitted: 'first\nsecond\nthird\n'.length,
      text: 'fourth\n',
    });
    backlog.push(chunk('fifth\n'));
    assert.deepEqual(shown(backlog), { omitted: 0, text: 'fifth\n' });
  });

  it('keeps text without lines from the beginning of a chunk', () => {
    const backlog = new Backlog(4);
    for (const text of ['aaaa', 'bbbb', 'cccc']) backlog.push(chunk(text));
    assert.deepEqual(shown(backlog), { omitted: 8, text: 'cccc' });
  });

  it('accounts for every byte, and never exceeds its limit by more than a chunk', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.constant('take' as const))),
        (maxBytes, steps) => {
          const backlog = new Backlog(maxBytes);
          let pushed = 0;
          let accounted = 0;
          let largest = 0;
          const take = (): void => {
            const { omitted, bytes } = backlog.take();
            assert.ok(bytes.length < maxBytes + largest || omitted === 0);
            accounted += omitted + bytes.length;
          };
          for (const step of steps) {
            if (step === 'take') take();
            else {
              backlog.push(step);
              pushed += step.length;
              largest = Math.max(largest, step.length);
            }
          }
          take();
          assert.equal(accounted, pushed);
        },
      ),
      { numRuns: runs(100) },
    );
  });
});
