import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import { Announcer } from './announcer.ts';

describe('the announcer', () => {
  const dom = useDom(() => Promise.resolve());
  let sayable: string;
  let said: string[];
  let announcer: Announcer;
  beforeEach(() => {
    sayable = '';
    said = [];
    announcer = new Announcer(
      () => sayable,
      () => said.push(announcer.said),
    );
  });
  const tell = (text: string, last = false): void => {
    sayable = text;
    announcer.tell(last);
  };

  it('announces the first text at once, and then at most every five seconds', async () => {
    tell('one');
    await dom.advance(0);
    assert.deepEqual(said, ['one']);
    tell('two');
    await dom.advance(4999);
    assert.deepEqual(said, ['one']);
    await dom.advance(1);
    assert.deepEqual(said, ['one', 'two']);
  });

  it('announces the present text, and not an outdated one', async () => {
    tell('one');
    await dom.advance(0);
    for (const text of ['two', 'three', 'four']) tell(text);
    await dom.advance(20_000);
    assert.deepEqual(said, ['one', 'four']);
  });

  it('announces the end at once, even if another text waits', async () => {
    tell('one');
    await dom.advance(0);
    tell('two');
    await dom.advance(1000);
    tell('the end', true);
    await dom.advance(0);
    assert.deepEqual(said, ['one', 'the end']);
    await dom.advance(20_000);
    assert.deepEqual(said, ['one', 'the end'], 'and nothing after it');
  });

  it('announces no text twice', async () => {
    tell('one');
    await dom.advance(0);
    announcer.tell(false);
    announcer.tell(true);
    await dom.advance(20_000);
    assert.deepEqual(said, ['one']);
  });

  it('announces nothing after disposal', async () => {
    tell('one');
    announcer.dispose();
    await dom.advance(20_000);
    assert.deepEqual(said, []);
  });
});
