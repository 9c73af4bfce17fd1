import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { iconless, linkless } from './plain.ts';

/** The patterns with which the editor finds links in a notification, and icons in a pick. */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
const ICON = /(\\)?\$\(([A-Za-z0-9-]+(?:~[A-Za-z]+)?)\)/g;

describe('text from elsewhere', () => {
  it('makes no link in a notification', () => {
    const text = 'see [this](command:fleet.stopAll) and [[that]](https://example.org/)';
    assert.match(text, LINK);
    assert.doesNotMatch(linkless(text), LINK);
    assert.equal(linkless('a[0](1)').replaceAll(' ', ''), 'a[0](1)');
  });

  it('makes no icon in a pick', () => {
    const isIcon = (text: string): boolean => [...text.matchAll(ICON)].some(match => match[1] === undefined);
    for (const text of ['echo $(date)', '$(sync~spin)', '$($(trash))']) {
      assert.ok(isIcon(text), text);
      assert.ok(!isIcon(iconless(text)), text);
      assert.equal(iconless(text).replaceAll('\\$', '$'), text);
    }
  });
});
