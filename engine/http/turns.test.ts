import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Grant } from '../contract/tokens.ts';
import { HolderTurns } from './turns.ts';

const grant = (id: string): Grant => ({ id }) as Grant;
const here = new AbortController().signal;

describe('the costly reports of a token', () => {
  it('are answered one after another, in parallel with those of other tokens', async () => {
    const turns = new HolderTurns();
    const [a, b] = [grant('a'), grant('b')];
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const ask = (holder: Grant, name: string): Promise<string> =>
      turns.take(holder, here, () => {
        begun.push(name);
        return new Promise(resolve => ends.push(() => resolve(name)));
      });
    const answers = [ask(a, 'a1'), ask(a, 'a2'), ask(b, 'b1')];
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(begun, ['a1', 'b1']);
    ends[0]!();
    assert.equal(await answers[0], 'a1');
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(begun, ['a1', 'b1', 'a2']);
    for (const end of ends) end();
    assert.deepEqual(await Promise.all(answers), ['a1', 'a2', 'b1']);
  });

  it('are dropped with their client, and do not delay the next ones', async () => {
    const turns = new HolderTurns();
    const holder = grant('a');
    let end = (): void => undefined;
    const first = turns.take(holder, here, () => new Promise<void>(resolve => (end = resolve)));
    const left = new AbortController();
    let wasAsked = false;
    const second = turns.take(holder, left.signal, async () => void (wasAsked = true));
    const third = turns.take(holder, here, () => Promise.resolve(3));
    left.abort();
    await assert.rejects(second, { code: 'UNAVAILABLE' });
    end();
    await first;
    assert.equal(await third, 3);
    assert.equal(wasAsked, false);
  });

  it('continue after a failed one', async () => {
    const turns = new HolderTurns();
    const holder = grant('a');
    await assert.rejects(
      turns.take(holder, here, () => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.equal(await turns.take(holder, here, () => Promise.resolve(1)), 1);
  });
});
