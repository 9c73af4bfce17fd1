import assert from 'node:assert/strict';
import type * as Lit from 'lit';
import { describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import type * as Styled from './styled.ts';

describe('the styles of an element', () => {
  let lit: typeof Lit;
  let styled: typeof Styled.styled;
  const dom = useDom(async () => {
    lit = await import('lit');
    ({ styled } = await import('./styled.ts'));
  });

  it('are set and changed, including custom properties', async () => {
    const place = await dom.draw('div', {});
    const draw = (width: string): void =>
      void lit.render(lit.html`<p ${styled({ width, '--ink': 'red' })}></p>`, place);
    draw('10%');
    const { style } = place.querySelector('p')!;
    assert.deepEqual([style.width, style.getPropertyValue('--ink')], ['10%', 'red']);
    draw('20%');
    assert.equal(style.width, '20%');
  });
});
