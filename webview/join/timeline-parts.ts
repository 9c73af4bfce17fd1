import { html, nothing, type TemplateResult } from 'lit';
import { duration } from '../../engine/contract/format.ts';
import { icon, lookIcon } from '../components/icon.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import type { Bar } from '../model/lanes.ts';
import { LOOKS, wordOf, type Look } from '../model/looks.ts';
import { isLostMoment } from '../model/scene.ts';
import { isSame } from '../model/walk.ts';
import { fill, type ViewStrings } from '../strings.ts';

/** Returns the legend: the looks of the bars that exist, the critical path, and the join if there is one. */
export function legend(s: ViewStrings, model: FanOutModel, critical: readonly number[]): TemplateResult {
  const shown = new Set<Look>();
  for (const lane of model.lanes()) for (const bar of lane.bars) shown.add(bar.look);
  const path = html`<li><span class="path"></span>${s.criticalPath}</li>`;
  const join = html`<li><span class="diamond"></span>${s.joinMoment}</li>`;
  return html`<ul class="legend" aria-label=${s.legend}>
    ${LOOKS.filter(look => shown.has(look)).map(look => html`<li>${lookIcon(look)}${s[wordOf(look)]}</li>`)}
    ${critical.length === 0 ? nothing : path} ${model.join?.joined_unix == null ? nothing : join}
  </ul>`;
}

/** Returns the note about subtasks without times, if there are any. */
export function untimedNote(s: ViewStrings, { untimed }: FanOutModel): TemplateResult | typeof nothing {
  return untimed === 0 ? nothing : html`<p class="note">${fill(s.timelineUntimed, untimed)}</p>`;
}

/** Returns a button of the toolbar. */
export function tool(
  name: 'zoomIn' | 'zoomOut' | 'screenFull',
  label: string,
  action: () => void,
): TemplateResult {
  return html`<button class="tool" title=${label} aria-label=${label} @click=${action}>
    ${icon(name)}
  </button>`;
}

/** Returns the active attempt, as the only option that a screen reader finds in the list. */
export function activeOption(
  bar: Bar,
  model: FanOutModel,
  isSelected: boolean,
  text: string,
): TemplateResult {
  const bars = model.lanes().find(({ worker }) => worker === bar.worker)?.bars;
  const place = bars?.findIndex(other => isSame(other, bar)) ?? -1;
  return html`<div
    id="active"
    class="hidden"
    role="option"
    aria-selected=${isSelected}
    aria-setsize=${bars?.length ?? 1}
    aria-posinset=${place + 1}
  >
    ${text}
  </div>`;
}

/** Describes an attempt in words, for tooltips and screen readers. */
export function describe(
  bar: Bar,
  s: ViewStrings,
  { nowUnix, originUnix, critical }: { nowUnix: number; originUnix: number; critical: readonly number[] },
): string {
  const parts = [
    fill(
      isLostMoment(bar) ? s.timelineLost : s.timelineOption,
      bar.worker,
      bar.label,
      fill(s.attempt, bar.attempt),
      s[wordOf(bar.look)],
      duration(bar.start - originUnix),
      duration((bar.end ?? nowUnix) - bar.start),
    ),
  ];
  if (bar.present && critical.includes(bar.index)) parts.push(s.criticalPath);
  if (bar.afterJoin) parts.push(s.afterJoin);
  return parts.join(' · ');
}

/** Shows a text beside the pointer, inside the frame. */
export function showTip(tip: HTMLElement, frame: DOMRect, at: PointerEvent, text: string): void {
  tip.hidden = false;
  tip.textContent = text;
  const left = Math.max(4, Math.min(at.clientX - frame.left + 12, frame.width - tip.offsetWidth - 4));
  tip.style.transform = `translate(${left}px, ${at.clientY - frame.top + 16}px)`;
}
