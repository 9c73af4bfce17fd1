import { html, nothing, render, svg, type SVGTemplateResult } from 'lit';
import * as v from 'valibot';
import type { EditorApi } from '../host.ts';
import { layoutOf, NODE, type Layout } from './layout.ts';
import { toPreviewSchema, type FromPreview, type GraphMessage } from './protocol.ts';

declare function acquireVsCodeApi(): EditorApi;

const api = acquireVsCodeApi();
const say = (message: FromPreview): void => api.postMessage(message);
const root = document.createElement('main');
document.body.append(root);

let graph: GraphMessage | undefined;
let current: number | null = null;

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const decoded = v.safeParse(toPreviewSchema, data);
  if (!decoded.success) return;
  if (decoded.output.type === 'graph') graph = decoded.output;
  else current = decoded.output.id;
  draw();
  if (decoded.output.type === 'cursor') followCursor();
});
say({ type: 'ready' });

/** Scrolls to the subtask of the cursor. Skips the animation if the system asks for reduced motion. */
function followCursor(): void {
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  root
    .querySelector(`[data-id="${current}"]`)
    ?.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: isCalm ? 'auto' : 'smooth' });
}

function draw(): void {
  if (graph === undefined) return;
  const { goal, join, nodes, words, left } = graph;
  const layout = layoutOf(graph);
  const picture = html`<div class="picture">
    <svg
      class="plan"
      role="group"
      aria-label=${goal}
      width=${layout.width}
      height=${layout.height}
      viewBox="0 0 ${layout.width} ${layout.height}"
    >
      ${graph.edges.map(edge => edgeOf(edge, layout))}${nodes.map(node => nodeOf(node, layout))}
    </svg>
  </div>`;
  render(
    html`<h1>${goal}</h1>
      <p class="join"><span>${words.join}</span> <code>${join}</code></p>
      ${nodes.length === 0 ? html`<p>${words.empty}</p>` : picture}
      ${left === 0 ? nothing : html`<p>${words.left}</p>`}`,
    root,
  );
}

function edgeOf(
  { from, to }: GraphMessage['edges'][number],
  { places }: Layout,
): SVGTemplateResult | typeof nothing {
  const [a, b] = [places.get(from), places.get(to)];
  if (a === undefined || b === undefined) return nothing;
  const [x1, y1, x2, y2] = [a.x + NODE.width, a.y + NODE.height / 2, b.x, b.y + NODE.height / 2];
  const bend = Math.max(30, Math.abs(x2 - x1) / 2);
  const isNear = from === current || to === current;
  return svg`<path class="edge ${isNear ? 'near' : ''}" d="M ${x1} ${y1} C ${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}"></path>`;
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
  const onKey = (event: KeyboardEvent): void => {
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
    @keydown=${onKey}
  >
    <title>${[detail === '' ? name : `${name}: ${detail}`, ...(follows === null ? [] : [follows])].join('\n')}</title>
    <rect width=${NODE.width} height=${NODE.height} rx="4"></rect>
    <text x="12" y="19">${sign}${shortened(name, count > 1 ? 16 : 20)}${count > 1 ? ` × ${count}` : ''}</text>
    <text class="detail" x="12" y="36">${shortened(state || (follows ?? detail), 24)}</text>
  </g>`;
}
