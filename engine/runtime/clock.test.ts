import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { risingClock } from './clock.ts';

describe('the clock', () => {
  const wallClock = Date.now;
  afterEach(() => {
    Date.now = wallClock;
  });

  it('tells the wall’s time and never falls', () => {
    const before = Date.now();
    const clock = risingClock();
    let last = clock.now();
    assert.ok(last >= before && last < Date.now() + 1000);
    for (let i = 0; i < 10_000; i++) {
      const now = clock.now();
      assert.ok(now >= last);
      last = now;
    }
  });

  it('is not moved by a wall clock that is set, back or ahead', () => {
    const clock = risingClock();
    const before = clock.now();
    for (const jump of [-3_600_000, 3_600_000]) {
      Date.now = () => wallClock() + jump;
      const now = clock.now();
      assert.ok(now >= before && now < before + 10_000, `${now - before}`);
    }
  });

  it('does not begin before the time that it is given', () => {
    const future = Date.now() + 60_000;
    const clock = risingClock(future);
    assert.ok(clock.now() >= future);
    assert.ok(risingClock(1).now() > future - 120_000);
  });
});
