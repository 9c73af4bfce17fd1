import assert from 'node:assert/strict';
import type * as Lit from 'lit';
import { describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import { LOOKS } from '../model/looks.ts';
import type * as Icons from './icon.ts';

describe('an icon', () => {
  let lit: typeof Lit;
  let icons: typeof Icons;
  const dom = useDom(async () => {
    lit = await import('lit');
    icons = await import('./icon.ts');
  });

  async function draw(template: unknown): Promise<HTMLElement> {
    const place = await dom.draw('div', {});
    lit.render(template, place);
    return place;
  }

  it('is drawn, and hidden from screen readers', async () => {
    const drawn = (await draw(icons.icon('merge'))).querySelector('svg')!;
    assert.ok(drawn.querySelector('path') !== null);
    assert.equal(drawn.querySelector('svg'), null, 'it is inside of one element');
    assert.equal(drawn.getAttribute('aria-hidden'), 'true');
    assert.equal(drawn.getAttribute('focusable'), 'false');
  });

  it('is different for each look, in its colour', async () => {
    const seen = new Set<string>();
    for (const look of LOOKS) {
      const span = (await draw(icons.lookIcon(look))).querySelector('span')!;
      assert.equal(span.className, `look ${look}`);
      seen.add(span.innerHTML);
    }
    assert.equal(seen.size, LOOKS.length);
  });
});
