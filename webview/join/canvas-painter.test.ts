import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { contextOf, useDom } from '../../test/webview/dom.ts';
import type { Painted, RecordingContext, TilePattern } from '../../test/webview/recording-canvas.ts';
import { bar, line, PALETTE, sceneWith, text } from '../../test/webview/shapes.ts';
import { LOOKS, PATTERNS } from '../model/looks.ts';
import { AXIS_PX, type Shape } from '../model/scene.ts';
import { CanvasPainter } from './canvas-painter.ts';

describe('the painter on a canvas', () => {
  useDom(() => Promise.resolve());
  let canvas: HTMLCanvasElement;
  let painter: CanvasPainter;
  beforeEach(() => {
    canvas = document.createElement('canvas');
    painter = new CanvasPainter(canvas, PALETTE);
  });

  const context = (): RecordingContext => contextOf(canvas);
  /** Paints the shapes. @returns everything painted after the background */
  const paint = (...body: readonly Shape[]): readonly Painted[] => {
    painter.paint(sceneWith(body), 1);
    return context().painted.slice(1);
  };
  const of = (call: Painted['call'], painted: readonly Painted[]): readonly Painted[] =>
    painted.filter(each => each.call === call);

  it('sizes the canvas in device pixels, and paints the background', () => {
    painter.paint(sceneWith([]), 1.5);
    assert.deepEqual([canvas.width, canvas.height], [300, 150]);
    assert.equal(context().scale, 1.5);
    const [ground] = context().painted;
    assert.deepEqual([ground?.args, ground?.ink], [[0, 0, 200, 100], '#ffffff']);
  });

  it('clips the body at the axis, and not the head', () => {
    painter.paint(sceneWith([text('body')], [text('head')]), 1);
    const [body, head] = of('fillText', context().painted);
    assert.deepEqual(body?.clip, [0, AXIS_PX, 200, 100 - AXIS_PX]);
    assert.equal(head?.clip, null);
  });

  it('has no two looks alike, in colour and in pattern together', () => {
    const seen = LOOKS.map(look => {
      const painted = paint(bar(look));
      const outline = of('stroke', painted)[0]!.ink;
      const hatch = painted.some(({ ink }) => typeof ink === 'object');
      assert.equal(outline, PALETTE.ink[look]);
      assert.equal(hatch, !['solid', 'hollow'].includes(PATTERNS[look]), look);
      return outline;
    });
    assert.equal(new Set(seen).size, LOOKS.length);
  });

  it('fills a bar with a tint of its colour, and leaves a hollow one empty', () => {
    const tints = (painted: readonly Painted[]) =>
      of('fillRect', painted).filter(({ alpha }) => alpha === 0.4);
    const [tint] = tints(paint(bar('accepted')));
    assert.deepEqual([tint?.args, tint?.ink], [[100, 40, 50, 14], PALETTE.ink.accepted]);
    assert.deepEqual(tints(paint(bar('cancelled'))), []);
  });

  it('paints a faint bar paler, and with a broken outline', () => {
    const [plain, faint] = [paint(bar('failed')), paint(bar('failed', { faint: true }))];
    assert.equal(plain.length, faint.length);
    assert.ok(faint.every(({ alpha }, at) => at === 0 || alpha < plain[at]!.alpha));
    assert.equal(of('stroke', plain)[0]?.dashed, false);
    assert.equal(of('stroke', faint)[0]?.dashed, true);
    const [narrow] = paint(bar('failed', { width: 2, faint: true }));
    assert.ok(narrow!.alpha < 1);
  });

  it('draws an open end with an arrow for a running bar', () => {
    assert.equal(of('stroke', paint(bar('running')))[0]?.closed, true);
    assert.equal(of('fill', paint(bar('running'))).length, 0);
    const open = paint(bar('running', { open: true }));
    assert.equal(of('stroke', open)[0]?.closed, false);
    const tip = Math.max(...(of('fill', open)[0]?.args as number[]));
    assert.ok(tip > 150, 'the arrow goes beyond the end');
  });

  it('paints a bar that is too narrow for an outline as a block', () => {
    const painted = paint(bar('accepted', { width: 2 }));
    assert.deepEqual(
      painted.map(({ call, args, ink }) => [call, args, ink]),
      [['fillRect', [100, 40, 2, 14], PALETTE.ink.accepted]],
    );
  });

  it('creates the tile of a pattern once per palette', () => {
    const tileOf = (painted: readonly Painted[]): unknown =>
      painted.map(({ ink }) => (ink as TilePattern).tile).find(tile => tile !== undefined);
    const tile = tileOf(paint(bar('failed')));
    assert.ok(tile !== undefined);
    assert.equal(tileOf(paint(bar('failed'))), tile);
    const [lines] = contextOf(tile as object).painted;
    assert.deepEqual([lines?.call, lines?.ink], ['stroke', PALETTE.ink.failed]);
    painter.palette = { ...PALETTE, ink: { ...PALETTE.ink, failed: '#ff0000' } };
    const other = tileOf(paint(bar('failed'))) as object;
    assert.notEqual(other, tile);
    assert.equal(contextOf(other).painted[0]?.ink, '#ff0000');
  });

  it('paints lines with their width and dashes, and resets both', () => {
    const [plain, dashed, after] = paint(line(), line({ thick: 2.5, dashed: true, ink: 'text' }), {
      kind: 'ring',
      x: 100,
      y: 40,
      width: 50,
      height: 14,
    });
    assert.deepEqual([plain?.args, plain?.lineWidth, plain?.dashed], [[1, 30, 9, 60], 1, false]);
    assert.deepEqual([dashed?.lineWidth, dashed?.dashed, dashed?.ink], [2.5, true, PALETTE.ink.text]);
    assert.equal(after?.dashed, false);
  });

  it('paints bands over the whole width, rings around bars, diamonds around their middle', () => {
    const [band, ring, diamond] = paint(
      { kind: 'band', y: 30, height: 40 },
      { kind: 'ring', x: 100, y: 40, width: 50, height: 14 },
      { kind: 'diamond', x: 120, y: 12, ink: 'accent' },
    );
    assert.deepEqual([band?.call, band?.args, band?.ink], ['fillRect', [0, 30, 200, 40], PALETTE.ink.band]);
    assert.deepEqual(
      [ring?.call, ring?.args, ring?.ink],
      ['strokeRect', [98, 38, 54, 18], PALETTE.ink.accent],
    );
    assert.deepEqual(
      [diamond?.call, diamond?.args, diamond?.ink],
      ['fill', [120, 7, 125, 12, 120, 17, 115, 12], PALETTE.ink.accent],
    );
  });

  it('paints texts over a halo of the background, in the font of the theme', () => {
    const [halo, letters] = paint(text('install', { bold: true, align: 'right', ink: 'muted' }));
    assert.deepEqual([halo?.call, halo?.ink], ['strokeText', '#ffffff']);
    assert.deepEqual(
      [letters?.call, letters?.args[0], letters?.ink],
      ['fillText', 'install', PALETTE.ink.muted],
    );
    assert.equal(letters?.font, '600 11px Test Sans');
    assert.equal(letters?.align, 'right');
    assert.equal(letters?.alpha, 1);
    assert.equal(paint(text('install'))[1]?.font, '11px Test Sans');
  });
});
