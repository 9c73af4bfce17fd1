import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Turns } from './turns.ts';

/** Jobs that end when they are told to, and the order in which they began. */
function jobs(turns: Turns) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (holder: string, name: string, signal?: AbortSignal): Promise<string> =>
    turns.take(
      holder,
      () =>
        new Promise<string>(resolve => {
          begun.push(name);
          ends.set(name, () => resolve(name));
        }),
      signal,
    );
  const end = async (name: string): Promise<void> => {
    ends.get(name)!();
    await new Promise(resolve => setImmediate(resolve));
  };
  return { begun, ask, end };
}

describe('turns', () => {
  it('go round the holders, and by arrival within each', async () => {
    const { begun, ask, end } = jobs(new Turns(10));
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) void ask(name[0]!, name);
    for (let i = 0; i < 6; i++) await end(begun[i]!);
    assert.deepEqual(begun, ['a1', 'b1', 'a2', 'c1', 'b2', 'a3']);
  });

  it('are given up by who no longer waits', async () => {
    const turns = new Turns(10);
    const { begun, ask, end } = jobs(turns);
    const left = new AbortController();
    const first = ask('a', 'a1');
    const second = ask('a', 'a2', left.signal);
    const third = ask('b', 'b1', left.signal);
    left.abort(new Error('gone'));
    await assert.rejects(second, /gone/);
    await assert.rejects(third, /gone/);
    assert.equal(turns.othersWait('a'), false);
    const fourth = ask('b', 'b2');
    await end('a1');
    await end('b2');
    assert.deepEqual(await Promise.all([first, fourth]), ['a1', 'b2']);
    assert.deepEqual(begun, ['a1', 'b2']);
    await turns.idle();
  });

  it('tell who runs that another waits', async () => {
    const turns = new Turns(10);
    const { ask, end } = jobs(turns);
    const told: string[] = [];
    turns.onWaiting = holder => told.push(holder);
    void ask('a', 'a1');
    void ask('a', 'a2');
    assert.equal(turns.othersWait('a'), false);
    void ask('b', 'b1');
    assert.deepEqual([turns.othersWait('a'), turns.othersWait('b')], [true, true]);
    assert.deepEqual(told, ['a', 'b']);
    for (const name of ['a1', 'b1', 'a2']) await end(name);
  });

  it('go on after a job that failed, and refuse what is too much', async () => {
    const turns = new Turns(2);
    const failed = turns.take('a', () => Promise.reject(new Error('broken')));
    const good = turns.take('a', () => Promise.resolve(1));
    await assert.rejects(
      turns.take('a', () => Promise.resolve(2)),
      { code: 'UNAVAILABLE' },
    );
    await assert.rejects(failed, /broken/);
    assert.equal(await good, 1);
    assert.equal(await turns.take('b', () => Promise.resolve(3)), 3);
  });
});
