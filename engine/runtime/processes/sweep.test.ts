import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { textOf } from './sweep.ts';

describe('the text of a process', () => {
  it('is one line without control characters, and not too long', () => {
    const command = `/bin/sh -c echo a\n\u001b[31mb ${'x'.repeat(500)}`;
    const text = textOf({ pid: 7, group: 7, session: 7, command, cpuTicks: 0 });
    assert.match(text, /^7 \/bin\/sh -c echo a b xxx/);
    assert.equal(text.length, '7 '.length + 200);
  });
});
