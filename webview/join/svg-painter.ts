import { LOOKS, PATTERNS, type Look } from '../model/looks.ts';
import { AXIS_PX, type Scene, type Shape } from '../model/scene.ts';
import { TILE_LINES } from './canvas-painter.ts';
import type { Palette } from './palette.ts';

/** Returns the scene as a self-contained SVG file. */
export function svgOf(scene: Scene, palette: Palette, title: string): string {
  const { width, height } = scene;
  const shapes = (list: readonly Shape[]): string =>
    list.map(shape => element(shape, palette, width)).join('\n');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escape(palette.font)}" font-size="11" role="img">`,
    `<title>${escape(title)}</title>`,
    `<defs>${LOOKS.map(look => tile(look, palette)).join('')}<clipPath id="body"><rect y="${AXIS_PX}" width="${width}" height="${height - AXIS_PX}"/></clipPath></defs>`,
    `<rect width="${width}" height="${height}" fill="${escape(palette.background)}"/>`,
    `<g clip-path="url(#body)">${shapes(scene.body)}</g>`,
    shapes(scene.head),
    '</svg>',
    '',
  ].join('\n');
}

function tile(look: Look, palette: Palette): string {
  const lines = TILE_LINES[PATTERNS[look]];
  if (lines.length === 0) return '';
  const path = lines.map(([x1, y1, x2, y2]) => `M${x1} ${y1}L${x2} ${y2}`).join('');
  return `<pattern id="tile-${look}" width="6" height="6" patternUnits="userSpaceOnUse"><path d="${path}" stroke="${escape(palette.ink[look])}" stroke-width="1.2"/></pattern>`;
}

function element(shape: Shape, palette: Palette, width: number): string {
  const { ink } = palette;
  switch (shape.kind) {
    case 'bar':
      return bar(shape, palette);
    case 'band':
      return `<rect y="${n(shape.y)}" width="${width}" height="${shape.height}" fill="${escape(ink.band)}"/>`;
    case 'ring':
      return `<rect x="${n(shape.x - 2)}" y="${n(shape.y - 2)}" width="${n(shape.width + 4)}" height="${n(shape.height + 4)}" fill="none" stroke="${escape(ink.accent)}" stroke-width="2"/>`;
    case 'line':
      return `<path d="M${n(shape.x1)} ${n(shape.y1)}L${n(shape.x2)} ${n(shape.y2)}" stroke="${escape(ink[shape.ink])}" stroke-width="${shape.thick}"${shape.dashed ? ' stroke-dasharray="2 2"' : ''}/>`;
    case 'diamond':
      return `<path d="M${n(shape.x)} ${shape.y - 5}l5 5l-5 5l-5 -5z" fill="${escape(ink[shape.ink])}"/>`;
    case 'text':
      return `<text x="${n(shape.x)}" y="${n(shape.y)}" dominant-baseline="central" text-anchor="${ANCHORS[shape.align]}"${shape.bold ? ' font-weight="600"' : ''} fill="${escape(ink[shape.ink])}" stroke="${escape(palette.background)}" stroke-width="3" stroke-opacity="0.75" stroke-linejoin="round" paint-order="stroke">${escape(shape.text)}</text>`;
  }
}

function bar(shape: Shape & { kind: 'bar' }, { ink, tint, background }: Palette): string {
  const { x, y, width, height, look, pattern, faint, open } = shape;
  const colour = escape(ink[look]);
  const box = `x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${height}"`;
  const opacity = faint ? ' opacity="0.6"' : '';
  if (width < 3) return `<rect ${box} fill="${colour}"${opacity}/>`;
  const base = `<rect ${box} fill="${escape(background)}"/>`;
  const ground = pattern === 'hollow' ? '' : `<rect ${box} fill="${colour}" fill-opacity="${tint}"/>`;
  const hatch =
    TILE_LINES[pattern].length === 0 ? '' : `<rect ${box} fill="url(#tile-${look})" fill-opacity="0.5"/>`;
  const edge = `M${n(x + width - 0.5)} ${n(y + 0.5)}H${n(x + 0.5)}V${n(y + height - 0.5)}H${n(x + width - 0.5)}${open ? '' : 'z'}`;
  const outline = `<path d="${edge}" fill="none" stroke="${colour}"${faint ? ' stroke-dasharray="3 2"' : ''}/>`;
  const head = open
    ? `<path d="M${n(x + width - 1)} ${n(y + 1)}l5 ${height / 2 - 1}l-5 ${height / 2 - 1}z" fill="${colour}"/>`
    : '';
  return `<g${opacity}>${base}${ground}${hatch}<rect x="${n(x)}" y="${n(y)}" width="2" height="${height}" fill="${colour}"/>${outline}${head}</g>`;
}

const ANCHORS = { left: 'start', center: 'middle', right: 'end' } as const;

const n = (value: number): string => String(Math.round(value * 10) / 10);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Removes control characters, which XML forbids even as entities. */
function escape(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
    .replace(/[&<>"]/g, sign => ENTITIES[sign]!);
}
