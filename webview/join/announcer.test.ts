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

  it('says the first at once, and then no more often than each five seconds', async () => {
    tell('one');
    await dom.advance(0);
    assert.deepEqual(said, ['one']);
    tell('two');
    await dom.advance(4999);
    assert.deepEqual(said, ['one']);
    await dom.advance(1);
    assert.deepEqual(said, ['one', 'two']);
  });

  it('says what holds by then, and not what has passed', async () => {
    tell('one');
    await dom.advance(0);
    for (const text of ['two', 'three', 'four']) tell(text);
    await dom.advance(20_000);
    assert.deepEqual(said, ['one', 'four']);
  });

  it('says the end at once, though something waits for its turn', async () => {
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

  it('says nothing twice', async () => {
    tell('one');
    await dom.advance(0);
    announcer.tell(false);
    announcer.tell(true);
    await dom.advance(20_000);
    assert.deepEqual(said, ['one']);
  });

  it('says nothing once it is disposed of', async () => {
    tell('one');
    announcer.dispose();
    await dom.advance(20_000);
    assert.deepEqual(said, []);
  });
});
