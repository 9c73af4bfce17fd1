import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { waitUntil } from './wait.ts';

describe('the wait for a condition without an event', () => {
  it('ends with the first check that the condition meets', async () => {
    let checks = 0;
    assert.equal(await waitUntil(() => ++checks === 4, { withinMs: Infinity }), true);
    assert.equal(checks, 4);
  });

  it('checks once where there is no time, and once more at its end', async () => {
    const waited: number[] = [];
    const isMet = (waitedMs: number): boolean => waited.push(waitedMs) === 0;
    assert.equal(await waitUntil(isMet, { withinMs: 0 }), false);
    assert.equal(waited.length, 1);
    assert.equal(await waitUntil(isMet, { withinMs: 30 }), false);
    assert.ok(waited.at(-1)! >= 29, `the last check came after ${waited.at(-1)} ms`);
  });

  it('makes fewer checks of a costly condition', async () => {
    const checksOf = async (check: 'cheap' | 'costly'): Promise<number> => {
      let checks = 0;
      await waitUntil(() => ++checks === 0, { withinMs: 120, check });
      return checks;
    };
    assert.ok((await checksOf('costly')) <= 9);
  });

  it('throws the reason of the signal, also one that aborted before, and what the condition throws', async () => {
    const enough = new AbortController();
    const wait = waitUntil(() => false, { withinMs: Infinity, signal: enough.signal });
    enough.abort(new Error('enough'));
    await assert.rejects(wait, /^Error: enough$/);
    await assert.rejects(
      waitUntil(() => true, { withinMs: 1, signal: enough.signal }),
      /^Error: enough$/,
    );
    const failing = (): never => {
      throw new Error('broken');
    };
    await assert.rejects(waitUntil(failing, { withinMs: 1 }), /^Error: broken$/);
  });
});
