import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import { ViewClock } from './clock.ts';

describe('the clock of the view', () => {
  const dom = useDom(() => Promise.resolve());
  let clock: ViewClock;
  beforeEach(() => (clock = new ViewClock()));

  it('stands still until it is started', async () => {
    clock.sync(1000);
    await dom.advance(5000);
    assert.equal(clock.now(), 1000);
    clock.go();
    await dom.advance(2500);
    assert.equal(clock.now(), 1002.5);
  });

  it('takes the time of the host, running or not', async () => {
    clock.go();
    await dom.advance(1000);
    clock.sync(2000);
    assert.equal(clock.now(), 2000);
    await dom.advance(500);
    assert.equal(clock.now(), 2000.5);
    clock.stop();
    clock.sync(3000);
    assert.equal(clock.now(), 3000);
  });

  it('stops, and continues from there', async () => {
    clock.sync(1000);
    clock.go();
    await dom.advance(1000);
    clock.stop();
    await dom.advance(60_000);
    assert.equal(clock.now(), 1001);
    clock.go();
    await dom.advance(1000);
    assert.equal(clock.now(), 1002);
  });

  it('is unchanged by a second stop or start', async () => {
    clock.sync(1000);
    clock.stop();
    clock.go();
    await dom.advance(1000);
    clock.go();
    await dom.advance(1000);
    assert.equal(clock.now(), 1002);
    clock.stop();
    await dom.advance(1000);
    clock.stop();
    assert.equal(clock.now(), 1002);
  });
});
