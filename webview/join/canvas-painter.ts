import type { Look, Pattern } from '../model/looks.ts';
import { AXIS_PX, type Scene, type Shape } from '../model/scene.ts';
import type { Palette } from './palette.ts';

const TILE_PX = 6;

/** Paints scenes on a canvas. Keeps the tiles of patterns until the palette changes. */
export class CanvasPainter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #tiles = new Map<Look, CanvasPattern | null>();
  #palette: Palette;

  constructor(canvas: HTMLCanvasElement, palette: Palette) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser has no canvas');
    this.#canvas = canvas;
    this.#context = context;
    this.#palette = palette;
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.#tiles.clear();
  }

  /** @param ratio device pixels per pixel of the scene. */
  paint(scene: Scene, ratio: number): void {
    const [width, height] = [Math.round(scene.width * ratio), Math.round(scene.height * ratio)];
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = this.#palette.background;
    context.fillRect(0, 0, scene.width, scene.height);
    context.save();
    context.beginPath();
    context.rect(0, AXIS_PX, scene.width, scene.height - AXIS_PX);
    context.clip();
    for (const shape of scene.body) this.#shape(shape, scene.width);
    context.restore();
    for (const shape of scene.head) this.#shape(shape, scene.width);
  }

  #shape(shape: Shape, sceneWidth: number): void {
    const { ink } = this.#palette;
    const context = this.#context;
    switch (shape.kind) {
      case 'bar':
        this.#bar(shape);
        break;
      case 'band':
        context.fillStyle = ink.band;
        context.fillRect(0, shape.y, sceneWidth, shape.height);
        break;
      case 'ring':
        context.strokeStyle = ink.accent;
        context.lineWidth = 2;
        context.strokeRect(shape.x - 2, shape.y - 2, shape.width + 4, shape.height + 4);
        break;
      case 'line':
        context.strokeStyle = ink[shape.ink];
        context.lineWidth = shape.thick;
        context.setLineDash(shape.dashed ? [2, 2] : []);
        context.beginPath();
        context.moveTo(shape.x1, shape.y1);
        context.lineTo(shape.x2, shape.y2);
        context.stroke();
        context.setLineDash([]);
        break;
      case 'diamond':
        context.fillStyle = ink[shape.ink];
        context.beginPath();
        context.moveTo(shape.x, shape.y - 5);
        context.lineTo(shape.x + 5, shape.y);
        context.lineTo(shape.x, shape.y + 5);
        context.lineTo(shape.x - 5, shape.y);
        context.fill();
        break;
      case 'text':
        this.#text(shape);
        break;
    }
  }

  #bar({ x, y, width, height, look, pattern, faint, open }: Shape & { kind: 'bar' }): void {
    const context = this.#context;
    const { ink, tint } = this.#palette;
    const colour = ink[look];
    if (width < 3) {
      context.fillStyle = colour;
      context.globalAlpha = faint ? 0.5 : 1;
      context.fillRect(x, y, width, height);
      context.globalAlpha = 1;
      return;
    }
    context.fillStyle = this.#palette.background;
    context.fillRect(x, y, width, height);
    if (pattern !== 'hollow') {
      context.fillStyle = colour;
      context.globalAlpha = faint ? tint / 2 : tint;
      context.fillRect(x, y, width, height);
    }
    const tile = this.#tile(look, pattern);
    if (tile !== null) {
      context.globalAlpha = faint ? 0.25 : 0.5;
      context.fillStyle = tile;
      context.fillRect(x, y, width, height);
    }
    context.globalAlpha = faint ? 0.65 : 1;
    this.#outline(x, y, width, height, colour, open, faint);
    context.globalAlpha = 1;
  }

  #outline(
    x: number,
    y: number,
    width: number,
    height: number,
    colour: string,
    open: boolean,
    faint: boolean,
  ): void {
    const context = this.#context;
    context.fillStyle = colour;
    context.fillRect(x, y, Math.min(2, width), height);
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.setLineDash(faint ? [3, 2] : []);
    context.beginPath();
    context.moveTo(x + width - 0.5, y + 0.5);
    context.lineTo(x + 0.5, y + 0.5);
    context.lineTo(x + 0.5, y + height - 0.5);
    context.lineTo(x + width - 0.5, y + height - 0.5);
    if (!open) context.closePath();
    context.stroke();
    context.setLineDash([]);
    if (!open) return;
    // An arrow head shows that the attempt goes on.
    context.beginPath();
    context.moveTo(x + width - 1, y + 1);
    context.lineTo(x + width + 4, y + height / 2);
    context.lineTo(x + width - 1, y + height - 1);
    context.fill();
  }

  #text({ x, y, text, ink, align, bold }: Shape & { kind: 'text' }): void {
    const context = this.#context;
    context.font = `${bold ? '600 ' : ''}11px ${this.#palette.font}`;
    context.textAlign = align;
    context.textBaseline = 'middle';
    context.lineWidth = 3;
    context.lineJoin = 'round';
    context.globalAlpha = 0.75;
    context.strokeStyle = this.#palette.background;
    context.strokeText(text, x, y + 0.5);
    context.globalAlpha = 1;
    context.fillStyle = this.#palette.ink[ink];
    context.fillText(text, x, y + 0.5);
  }

  #tile(look: Look, pattern: Pattern): CanvasPattern | null {
    let tile = this.#tiles.get(look);
    if (tile === undefined) this.#tiles.set(look, (tile = this.#makeTile(look, pattern)));
    return tile;
  }

  #makeTile(look: Look, pattern: Pattern): CanvasPattern | null {
    const lines = TILE_LINES[pattern];
    if (lines.length === 0) return null;
    const tile = new OffscreenCanvas(TILE_PX, TILE_PX);
    const context = tile.getContext('2d');
    if (context === null) return null;
    context.strokeStyle = this.#palette.ink[look];
    context.lineWidth = 1.2;
    context.beginPath();
    for (const [x1, y1, x2, y2] of lines) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
    return this.#context.createPattern(tile, 'repeat');
  }
}

type Stroke = readonly [number, number, number, number];
const RISING: readonly Stroke[] = [
  [0, 6, 6, 0],
  [-1, 1, 1, -1],
  [5, 7, 7, 5],
];
const FALLING: readonly Stroke[] = [
  [0, 0, 6, 6],
  [-1, 5, 1, 7],
  [5, -1, 7, 1],
];

/** The strokes of a pattern's tile, six pixels wide and high. */
export const TILE_LINES: Readonly<Record<Pattern, readonly Stroke[]>> = {
  solid: [],
  hollow: [],
  rising: RISING,
  crossed: [...RISING, ...FALLING],
  upright: [[3, 0, 3, 6]],
  dotted: [[2, 3, 4, 3]],
};
