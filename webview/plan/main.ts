import { html, nothing, render, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import * as v from 'valibot';
import type { EditorApi } from '../host.ts';
import { layoutOf, NODE, type Layout } from './layout.ts';
import { fitting, zoomed } from './zoom.ts';
import { toPreviewSchema, type FromPreview, type GraphMessage } from './protocol.ts';

declare function acquireVsCodeApi(): EditorApi;

const api = acquireVsCodeApi();
const say = (message: FromPreview): void => api.postMessage(message);
const root = document.createElement('main');
document.body.append(root);

let graph: GraphMessage | undefined;
let current: number | null = null;
/** The scale that a person chose; null to show the whole graph. */
let chosen: number | null = null;

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const decoded = v.safeParse(toPreviewSchema, data);
  if (!decoded.success) return;
  if (decoded.output.type === 'graph') take(decoded.output);
  else current = decoded.output.id;
  draw();
  if (decoded.output.type === 'cursor') followCursor();
});
window.addEventListener('resize', () => draw());
window.addEventListener('keydown', onKey);
root.addEventListener('wheel', onWheel, { passive: false });
say({ type: 'ready' });

function take(message: GraphMessage): void {
  if (message.uri !== graph?.uri) chosen = null;
  graph = message;
  api.setState({ uri: message.uri });
}

/** Scrolls to the subtask of the cursor. Skips the animation if the system asks for reduced motion. */
function followCursor(): void {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  root
    .querySelector(`[data-id="${current}"]`)
    ?.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: isCalm ? 'auto' : 'smooth' });
}

function draw(): void {
  if (graph === undefined) return;
  // The place of the picture is known once it is drawn.
  const isFirst = root.querySelector('.picture') === null;
  const { goal, join, nodes, words, left } = graph;
  const { layout, scale } = fitted(graph);
  const picture = html`<div class="picture">
    <svg
      class="plan"
      role="group"
      aria-label=${goal}
      width=${Math.round(layout.width * scale)}
      height=${Math.round(layout.height * scale)}
      viewBox="0 0 ${layout.width} ${layout.height}"
    >
      ${['arrow', 'arrow-near'].map(arrowOf)}
      ${graph.edges.map(edge => edgeOf(edge, layout))}${nodes.map(node => nodeOf(node, layout))}
    </svg>
  </div>`;
  render(
    html`<h1>${goal}</h1>
      <div class="line">
        <p class="join"><span>${words.join}</span> <span class="condition">${join}</span></p>
        ${nodes.length === 0 ? nothing : tools(words)}
      </div>
      ${nodes.length === 0 ? html`<p>${words.empty}</p>` : picture}
      ${left === 0 ? nothing : html`<p>${words.left}</p>`}`,
    root,
  );
  if (isFirst && nodes.length > 0) draw();
}

function arrowOf(id: string): SVGTemplateResult {
  return svg`<marker id=${id} class=${id} viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
    <path d="M 0 0 L 8 4 L 0 8 z"></path>
  </marker>`;
}

function tools({ zoom, zoomIn, zoomOut, zoomFit }: GraphMessage['words']): TemplateResult {
  const tool = (sign: string, label: string, act: () => void): TemplateResult =>
    html`<button title=${label} aria-label=${label} @click=${act}>${sign}</button>`;
  return html`<div class="tools" role="group" aria-label=${zoom}>
    ${tool('−', zoomOut, () => zoomBy(-1))} ${tool('+', zoomIn, () => zoomBy(1))}
    ${tool('⤢', zoomFit, () => zoomTo(null))}
  </div>`;
}

/** The space around the page's content, in pixels. */
const PADDING = 20;

/** Returns the layout that is largest where the whole graph is shown, and its scale. */
function fitted(of: GraphMessage): { readonly layout: Layout; readonly scale: number } {
  const top = root.querySelector('.picture')?.getBoundingClientRect().top ?? 0;
  const room = { width: root.clientWidth - 2 * PADDING, height: window.innerHeight - top - PADDING };
  const [right, down] = (['right', 'down'] as const).map(direction => {
    const layout = layoutOf(of, direction);
    return { layout, scale: fitting(layout, room) };
  });
  const best = down!.scale > right!.scale ? down! : right!;
  return chosen === null ? best : { layout: best.layout, scale: chosen };
}

function zoomBy(steps: number): void {
  if (graph !== undefined) zoomTo(zoomed(fitted(graph).scale, steps));
}

function zoomTo(scale: number | null): void {
  chosen = scale;
  draw();
}

function onKey(event: KeyboardEvent): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === '+' || event.key === '=') zoomBy(1);
  else if (event.key === '-') zoomBy(-1);
  else if (event.key === '0') zoomTo(null);
  else return;
  event.preventDefault();
}

/** Zooms with the wheel while a modifier is held, around the pointer. */
function onWheel(event: WheelEvent): void {
  const picture = root.querySelector('.picture');
  if (picture === null || graph === undefined || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  const before = fitted(graph).scale;
  const { left, top } = picture.getBoundingClientRect();
  const [x, y] = [event.clientX - left, event.clientY - top];
  const factor = zoomed(before, event.deltaY > 0 ? -1 : 1) / before;
  zoomTo(before * factor);
  picture.scrollLeft = (picture.scrollLeft + x) * factor - x;
  picture.scrollTop = (picture.scrollTop + y) * factor - y;
}

function edgeOf(
  { from, to }: GraphMessage['edges'][number],
  { places, direction }: Layout,
): SVGTemplateResult | typeof nothing {
  const [a, b] = [places.get(from), places.get(to)];
  if (a === undefined || b === undefined) return nothing;
  const { width, height } = NODE;
  const path =
    direction === 'right'
      ? curve([a.x + width, a.y + height / 2], [b.x - 1, b.y + height / 2], [1, 0])
      : curve([a.x + width / 2, a.y + height], [b.x + width / 2, b.y - 1], [0, 1]);
  const isNear = from === current || to === current;
  const arrow = isNear ? 'arrow-near' : 'arrow';
  return svg`<path class="edge ${isNear ? 'near' : ''}" marker-end="url(#${arrow})" d=${path}></path>`;
}

type Point = readonly [x: number, y: number];

/** Returns the path from one point to another that begins and ends in the direction. */
function curve([x1, y1]: Point, [x2, y2]: Point, [dx, dy]: Point): string {
  const bend = Math.max(dx === 0 ? 16 : 30, Math.abs(dx * (x2 - x1) + dy * (y2 - y1)) / 2);
  const [bx, by] = [dx * bend, dy * bend];
  return `M ${x1} ${y1} C ${x1 + bx} ${y1 + by} ${x2 - bx} ${y2 - by} ${x2} ${y2}`;
}

/** Cuts a text to the width of the box; the whole text is in the label. */
const shortened = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

const SIGNS = { accepted: '✓', failed: '✗', skipped: '»', running: '●', pending: '○' } as const;

function nodeOf(node: GraphMessage['nodes'][number], { places }: Layout): SVGTemplateResult | typeof nothing {
  const place = places.get(node.id);
  if (place === undefined || graph === undefined) return nothing;
  const { id, name, detail, count, tone, state, follows } = node;
  const waitsFor = graph.edges
    .filter(({ to }) => to === id)
    .map(({ from }) => graph?.nodes[from]?.name ?? '');
  const words = [
    name,
    ...(count > 1 ? [`× ${count}`] : []),
    ...(follows === null ? [] : [follows]),
    ...(state === '' ? [] : [state]),
    ...(waitsFor.length === 0 ? [] : [`${graph.words.waitsFor} ${waitsFor.join(', ')}`]),
  ];
  const reveal = (): void => say({ type: 'reveal', id, name });
  const onNodeKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    reveal();
  };
  const sign = tone === null ? '' : `${SIGNS[tone]} `;
  return svg`<g
    class="node ${tone ?? ''} ${follows === null ? '' : 'follows'} ${id === current ? 'current' : ''}"
    data-id=${id}
    role="button"
    tabindex="0"
    aria-label=${words.join(', ')}
    aria-current=${id === current ? 'true' : 'false'}
    transform="translate(${place.x} ${place.y})"
    @click=${reveal}
    @keydown=${onNodeKey}
  >
    <title>${[detail === '' ? name : `${name}: ${detail}`, ...(follows === null ? [] : [follows])].join('\n')}</title>
    <rect width=${NODE.width} height=${NODE.height} rx="4"></rect>
    <text x="12" y="19">${sign}${shortened(name, count > 1 ? 16 : 20)}${count > 1 ? ` × ${count}` : ''}</text>
    <text class="detail" x="12" y="36">${shortened(state || (follows ?? detail), 24)}</text>
  </g>`;
}
