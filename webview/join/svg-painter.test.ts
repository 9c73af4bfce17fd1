import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { useDom } from '../../test/webview/dom.ts';
import { modelOf, OPENED, satisfied, underWay } from '../../test/webview/fan-outs.ts';
import { bar, line, PALETTE, sceneWith, text } from '../../test/webview/shapes.ts';
import { LOOKS, PATTERNS } from '../model/looks.ts';
import { sceneOf, type Scene, type Shape } from '../model/scene.ts';
import { svgOf } from './svg-painter.ts';

describe('the painter of SVG', () => {
  useDom(() => Promise.resolve());

  const parse = (svg: string): Document => {
    const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
    assert.equal(parsed.querySelector('parsererror'), null);
    return parsed;
  };
  const paint = (...body: readonly Shape[]): Element =>
    parse(svgOf(sceneWith(body), PALETTE, 'a picture')).querySelector('g[clip-path]')!;
  const textsOf = (root: ParentNode): readonly (string | null)[] =>
    [...root.querySelectorAll('text')].map(element => element.textContent);

  it('writes a file that stands alone, with its size and its title', () => {
    const svg = svgOf(sceneWith([bar('failed'), text('install')]), PALETTE, 'BUILD-042');
    const root = parse(svg).documentElement;
    assert.deepEqual(
      ['width', 'height', 'viewBox', 'font-family'].map(name => root.getAttribute(name)),
      ['200', '100', '0 0 200 100', 'Test Sans'],
    );
    assert.equal(root.querySelector('title')?.textContent, 'BUILD-042');
    assert.doesNotMatch(svg, /var\(|href|style=/);
    const used = [...svg.matchAll(/url\(#([^)]+)\)/g)].map(([, id]) => id!);
    assert.ok(used.length > 0);
    for (const id of used) assert.ok(svg.includes(`id="${id}"`), `${id} is in the file`);
  });

  it('shows all of a timeline', () => {
    for (const story of [satisfied(), underWay()]) {
      const scene: Scene = sceneOf(
        {
          lanes: modelOf(story).lanes(),
          originUnix: OPENED,
          nowUnix: OPENED + story.at,
          joinedUnix: story.status.joined_unix,
          joinLabel: 'join',
          critical: [0, 2, 6],
          active: null,
          selected: 1,
        },
        { width: 1000, height: 400, scrollTop: 0, domain: { from: 0, to: 10 } },
      );
      const expected = [...scene.body, ...scene.head].flatMap(shape =>
        shape.kind === 'text' ? [shape.text] : [],
      );
      assert.ok(expected.includes('worker-a'));
      assert.deepEqual(textsOf(parse(svgOf(scene, PALETTE, 'all'))), expected);
    }
  });

  it('takes any text as a text', () => {
    const evil = `<script>alert(1)</script> & "quoted" \u0000\u0008\u001f`;
    const clean = evil.slice(0, -3);
    const parsed = parse(svgOf(sceneWith([text(evil)]), { ...PALETTE, font: evil }, evil));
    assert.equal(parsed.querySelector('script'), null);
    assert.deepEqual(textsOf(parsed), [clean]);
    assert.equal(parsed.querySelector('title')?.textContent, clean);
    assert.equal(parsed.documentElement.getAttribute('font-family'), clean);
  });

  it('has no two looks alike, in colour and in pattern together', () => {
    const seen = LOOKS.map(look => {
      const painted = paint(bar(look)).innerHTML;
      assert.ok(painted.includes(PALETTE.ink[look]), look);
      assert.equal(
        painted.includes(`url(#tile-${look})`),
        !['solid', 'hollow'].includes(PATTERNS[look]),
        look,
      );
      return painted;
    });
    assert.equal(new Set(seen).size, LOOKS.length);
  });

  it('fills a bar with a tint of its colour, and leaves a hollow one empty', () => {
    assert.match(paint(bar('accepted')).innerHTML, /fill-opacity="0\.4"/);
    assert.doesNotMatch(paint(bar('cancelled')).innerHTML, /fill-opacity/);
  });

  it('draws a faint bar paler and broken, an open one with an arrow, a narrow one as a block', () => {
    const plain = paint(bar('running')).innerHTML;
    assert.doesNotMatch(plain, /opacity="0\.6"|stroke-dasharray/);
    assert.match(plain, /z" fill="none"/);
    assert.match(paint(bar('running', { faint: true })).innerHTML, /opacity="0\.6".*stroke-dasharray/);
    const open = paint(bar('running', { open: true }));
    assert.doesNotMatch(open.innerHTML, /z" fill="none"/);
    assert.equal(
      open.querySelectorAll('path').length,
      paint(bar('running')).querySelectorAll('path').length + 1,
    );
    const narrow = paint(bar('running', { width: 2, faint: true }));
    assert.equal(narrow.querySelectorAll('rect').length, 1);
    assert.match(narrow.innerHTML, /opacity="0\.6"/);
  });

  it('draws lines, bands, rings, diamonds and texts in their inks', () => {
    const painted = paint(
      { kind: 'band', y: 30, height: 40 },
      { kind: 'ring', x: 100, y: 40, width: 50, height: 14 },
      line({ thick: 2.5, dashed: true, ink: 'text' }),
      line(),
      { kind: 'diamond', x: 120, y: 12, ink: 'accent' },
      text('install', { bold: true, align: 'right', ink: 'muted' }),
    );
    const [band, ring, dashed, plain, diamond, words] = [...painted.children];
    const read = (
      element: Element | undefined,
      ...names: readonly string[]
    ): readonly (string | null | undefined)[] => names.map(name => element?.getAttribute(name));
    const { ink } = PALETTE;
    assert.deepEqual(read(band, 'y', 'width', 'height', 'fill'), ['30', '200', '40', ink.band]);
    assert.deepEqual(read(ring, 'x', 'y', 'width', 'height', 'stroke'), ['98', '38', '54', '18', ink.accent]);
    assert.deepEqual(read(dashed, 'd', 'stroke', 'stroke-width'), ['M1 30L9 60', ink.text, '2.5']);
    assert.notEqual(dashed?.getAttribute('stroke-dasharray'), null);
    assert.deepEqual(read(plain, 'stroke', 'stroke-dasharray'), [ink.rule, null]);
    assert.deepEqual(read(diamond, 'd', 'fill'), ['M120 7l5 5l-5 5l-5 -5z', ink.accent]);
    assert.deepEqual(read(words, 'text-anchor', 'font-weight', 'fill', 'stroke'), [
      'end',
      '600',
      ink.muted,
      '#ffffff',
    ]);
  });
});
