import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import { LOOKS } from '../model/looks.ts';
import { readPalette } from './palette.ts';

describe('the palette', () => {
  useDom(() => Promise.resolve());
  afterEach(() => document.documentElement.removeAttribute('style'));

  const NAMES = ['text', 'muted', 'grid', 'accent', 'band', 'background', ...LOOKS];

  it('has the page’s colour for each purpose', () => {
    for (const [at, name] of NAMES.entries()) {
      document.documentElement.style.setProperty(`--fleet-${name}`, `#0000${16 + at}`);
    }
    document.documentElement.style.setProperty('--fleet-tint', '0.25');
    document.documentElement.style.setProperty('--fleet-font', 'Test Sans');
    const { ink, background, tint, font } = readPalette(document.body);
    const colour = (name: string): string => `#0000${16 + NAMES.indexOf(name)}`;
    for (const look of LOOKS) assert.equal(ink[look], colour(look), look);
    assert.deepEqual(
      [ink.text, ink.muted, ink.rule, ink.accent, ink.band, background],
      ['text', 'muted', 'grid', 'accent', 'band', 'background'].map(colour),
    );
    assert.deepEqual([tint, font], [0.25, 'Test Sans']);
  });

  it('leaves nothing on the page, and has a font when the page names none', () => {
    const before = document.body.childElementCount;
    assert.equal(readPalette(document.body).font, 'sans-serif');
    assert.equal(document.body.childElementCount, before);
  });
});
