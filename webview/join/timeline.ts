import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { ViewClock } from '../components/clock.ts';
import { icon, lookIcon } from '../components/icon.ts';
import { shared } from '../components/styles.ts';
import { pan, timeAxis, zoom, type Domain } from '../model/axis.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import { duration } from '../../engine/contract/format.ts';
import type { Bar } from '../model/lanes.ts';
import { LOOKS, wordOf, type Look } from '../model/looks.ts';
import {
  AXIS_PX,
  barAt,
  gutterOf,
  lanesHeight,
  sceneOf,
  topOf,
  type Scene,
  type Sight,
  type Subject,
} from '../model/scene.ts';
import { isSame, walk, type Step } from '../model/walk.ts';
import { fill, type ViewStrings } from '../strings.ts';
import { CanvasPainter } from './canvas-painter.ts';
import { readPalette } from './palette.ts';
import { svgOf } from './svg-painter.ts';

/** Told when an attempt is chosen, by pointer or keyboard. */
export class BarChosen extends Event {
  static readonly type = 'bar-chosen';
  readonly index: number;

  constructor(index: number) {
    super(BarChosen.type, { bubbles: true, composed: true });
    this.index = index;
  }
}

const MAX_BODY_PX = 320;
/** Running bars grow by a pixel at a time, but no more often than this, and no less often than that, in milliseconds. */
const GROW_MS = 100;
const GROW_CALMLY_MS = 1000;
/** Zooming within this of everything shows everything, and follows it as it grows. */
const WHOLE = 0.999;

const EXPORT_WIDTH_PX = 1200;
/** A picture holds this much at most: more is no picture, and canvases have a limit. */
const EXPORT_MAX_PX = 8000;

const STEPS: Readonly<Record<string, Step>> = {
  ArrowRight: 'next',
  ArrowLeft: 'previous',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
};

/**
 * The attempts of each worker over time. It is painted on a canvas, so that ten thousand of them cost what can be seen;
 * for the keyboard and for screen readers it is a list of which the present attempt is an element.
 */
export class TimelineElement extends LitElement {
  static override styles = [
    shared,
    css`
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 4px 16px;
        padding: 4px 6px 4px 10px;
        border-bottom: 1px solid var(--fleet-rule);
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        list-style: none;
        font-size: 11px;
        color: var(--fleet-muted);
      }
      .legend li {
        display: inline-flex;
        align-items: center;
        gap: 4px;
      }
      .legend .icon {
        width: 13px;
        height: 13px;
      }
      .path {
        width: 14px;
        height: 3px;
        background: var(--fleet-text);
        forced-color-adjust: none;
      }
      .diamond {
        width: 8px;
        height: 8px;
        background: var(--fleet-accent);
        transform: rotate(45deg);
        forced-color-adjust: none;
      }
      .viewport {
        position: relative;
        overflow-x: hidden;
        overflow-y: auto;
        outline-offset: -2px;
      }
      canvas {
        position: sticky;
        top: 0;
        display: block;
        width: 100%;
      }
      .frame {
        position: relative;
      }
      .tip {
        position: absolute;
        top: 0;
        left: 0;
        z-index: 1;
        max-width: 280px;
        padding: 4px 8px;
        border: 1px solid var(--vscode-editorHoverWidget-border, var(--fleet-surface-border));
        border-radius: 4px;
        background: var(--vscode-editorHoverWidget-background, var(--fleet-surface));
        color: var(--vscode-editorHoverWidget-foreground, var(--fleet-text));
        font-size: 12px;
        pointer-events: none;
        overflow-wrap: anywhere;
      }
      .empty {
        padding: 18px;
        text-align: center;
        color: var(--fleet-muted);
      }
      .note {
        padding: 2px 10px 6px;
        font-size: 11px;
        color: var(--fleet-muted);
      }
      .tools {
        display: flex;
        margin-left: auto;
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    model: { attribute: false },
    version: { attribute: false },
    clock: { attribute: false },
    moving: { attribute: false },
    critical: { attribute: false },
    selected: { attribute: false },
  };

  declare strings: ViewStrings;
  declare model: FanOutModel;
  /** The model's, so that this is drawn again when it rises. */
  declare version: number;
  declare clock: ViewClock;
  /** True while running attempts grow. */
  declare moving: boolean;
  declare critical: readonly number[];
  declare selected: number | null;

  /** The part in sight; null shows everything and follows it as it grows. */
  #domain: Domain | null = null;
  #active: Bar | null = null;
  #hovered: { bar: Bar; x: number; y: number } | null = null;
  #painter: CanvasPainter | null = null;
  #size = { width: 0, height: 0 };
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #resized = new ResizeObserver(() => this.#paintSoon());
  readonly #themed = new MutationObserver(() => this.#rethemed());
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #forced = matchMedia('(forced-colors: active)');
  readonly #onForced = (): void => this.#rethemed();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resized.observe(this);
    // The editor changes its theme by the root's style and the body's classes.
    this.#themed.observe(document.documentElement, { attributes: true });
    this.#themed.observe(document.body, { attributes: true });
    this.#forced.addEventListener('change', this.#onForced);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
    this.#themed.disconnect();
    this.#forced.removeEventListener('change', this.#onForced);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
    this.#timer = undefined;
    this.#painter = null;
  }

  /** The whole timeline as a picture of its own, in the present colours. */
  exportScene(): Scene | null {
    const sight = this.#sight(EXPORT_WIDTH_PX, 0);
    if (sight === null) return null;
    const subject = { ...this.#subject(), active: null, selected: null };
    const height = Math.min(EXPORT_MAX_PX, AXIS_PX + lanesHeight(subject.lanes) + 6);
    return sceneOf(subject, { ...sight, height });
  }

  exportSvg(title: string): string | null {
    const scene = this.exportScene();
    return scene === null ? null : svgOf(scene, readPalette(this), title);
  }

  /** As base64. */
  async exportPng(): Promise<string | null> {
    const scene = this.exportScene();
    if (scene === null) return null;
    const canvas = document.createElement('canvas');
    new CanvasPainter(canvas, readPalette(this)).paint(scene, 2);
    const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) return null;
    const bytes = new Uint8Array(await blob.arrayBuffer());
    let text = '';
    for (let at = 0; at < bytes.length; at += 8192)
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('selected') && this.#active?.index !== this.selected) this.#active = null;
  }

  protected override render(): TemplateResult {
    const { strings: s } = this;
    if (this.model.lanes().length === 0) {
      this.#painter = null;
      return html`<div class="empty">${s.timelineEmpty}</div>
        ${this.#note()}`;
    }
    return html`
      <div class="head">
        ${this.#legend()}
        <div class="tools">
          ${this.#tool('zoomOut', s.zoomOut, () => this.#zoom(1.5))}
          ${this.#tool('zoomIn', s.zoomIn, () => this.#zoom(1 / 1.5))}
          ${this.#tool('screenFull', s.zoomFit, () => this.#show(null))}
        </div>
      </div>
      <div class="frame">
        <div
          class="viewport"
          tabindex="0"
          role="listbox"
          aria-label=${s.timelineLabel}
          aria-describedby="help"
          aria-activedescendant="active"
          @keydown=${this.#onKey}
          @scroll=${() => this.#paintSoon()}
          @wheel=${{ handleEvent: (event: WheelEvent) => this.#onWheel(event), passive: false }}
          @pointermove=${this.#onPointer}
          @pointerleave=${() => this.#hover(null)}
          @click=${this.#onClick}
          @focus=${() => this.#paintSoon()}
          @blur=${() => this.#paintSoon()}
        >
          <canvas aria-hidden="true"></canvas>
          <div class="spacer" role="presentation"></div>
          ${this.#option()}
        </div>
        <div class="tip" aria-hidden="true" hidden></div>
      </div>
      <div id="help" class="hidden">${s.timelineHelp}</div>
      ${this.#note()}
    `;
  }

  protected override updated(): void {
    const viewport = this.#viewport();
    const spacer = this.renderRoot.querySelector<HTMLElement>('.spacer');
    if (viewport !== null && spacer !== null) {
      const whole = AXIS_PX + lanesHeight(this.model.lanes()) + 4;
      const height = Math.min(MAX_BODY_PX, whole);
      viewport.style.height = `${height}px`;
      spacer.style.height = `${whole - height}px`;
    }
    this.#paint();
  }

  #legend(): TemplateResult {
    const { strings: s } = this;
    const shown = new Set<Look>();
    for (const lane of this.model.lanes()) for (const bar of lane.bars) shown.add(bar.look);
    return html`<ul class="legend" aria-label=${s.legend}>
      ${LOOKS.filter(look => shown.has(look)).map(look => html`<li>${lookIcon(look)}${s[wordOf(look)]}</li>`)}
      ${this.critical.length === 0 ? nothing : html`<li><span class="path"></span>${s.criticalPath}</li>`}
      ${
        this.model.join?.joinedUnix == null
          ? nothing
          : html`<li><span class="diamond"></span>${s.joinMoment}</li>`
      }
    </ul>`;
  }

  #tool(name: 'zoomIn' | 'zoomOut' | 'screenFull', label: string, action: () => void): TemplateResult {
    return html`<button class="tool" title=${label} aria-label=${label} @click=${action}>
      ${icon(name)}
    </button>`;
  }

  #note(): TemplateResult | typeof nothing {
    const { untimed } = this.model;
    return untimed === 0 ? nothing : html`<p class="note">${fill(this.strings.timelineUntimed, untimed)}</p>`;
  }

  #option(): TemplateResult {
    const lanes = this.model.lanes();
    const bar = this.#active ?? lanes[0]!.bars[0]!;
    const lane = lanes.find(({ worker }) => worker === bar.worker);
    const place = lane?.bars.findIndex(other => isSame(other, bar)) ?? -1;
    return html`<div
      id="active"
      class="hidden"
      role="option"
      aria-selected=${this.selected === bar.index}
      aria-setsize=${lane?.bars.length ?? 1}
      aria-posinset=${place + 1}
    >
      ${this.#describe(bar)}
    </div>`;
  }

  #describe(bar: Bar): string {
    const { strings: s } = this;
    const now = this.clock.now();
    const from = bar.start - (this.model.span(now)?.start ?? bar.start);
    const parts = [
      fill(
        s.timelineOption,
        bar.worker,
        `${bar.label} #${bar.index}`,
        fill(s.attempt, bar.attempt),
        s[wordOf(bar.look)],
        duration(from),
        duration((bar.end ?? now) - bar.start),
      ),
    ];
    if (bar.present && this.critical.includes(bar.index)) parts.push(s.criticalPath);
    if (bar.afterJoin) parts.push(s.afterJoin);
    return parts.join(' · ');
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = STEPS[event.key];
    if (event.shiftKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      this.#pan(event.key === 'ArrowLeft' ? -0.25 : 0.25);
    } else if (step !== undefined) {
      this.#go(walk(this.model.lanes(), this.#active, step));
    } else if (event.key === '+' || event.key === '=') this.#zoom(1 / 1.5);
    else if (event.key === '-') this.#zoom(1.5);
    else if (event.key === '0') this.#show(null);
    else if (event.key === 'Enter' || event.key === ' ') {
      const bar = this.#active ?? this.model.lanes()[0]?.bars[0];
      if (bar !== undefined) this.#choose(bar);
    } else return;
    event.preventDefault();
  }

  #onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.#zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, event.offsetX);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      if (this.#domain === null) return;
      event.preventDefault();
      this.#pan((event.deltaX || event.deltaY) / 800);
    }
  }

  #onPointer(event: PointerEvent): void {
    this.#hover(this.#barUnder(event), event);
  }

  #onClick(event: MouseEvent): void {
    const bar = this.#barUnder(event);
    if (bar !== null) this.#choose(bar);
  }

  #barUnder(event: MouseEvent): Bar | null {
    const sight = this.#sight();
    const box = this.#canvas()?.getBoundingClientRect();
    if (sight === null || box === undefined) return null;
    return barAt(this.#subject(), sight, event.clientX - box.left, event.clientY - box.top);
  }

  #choose(bar: Bar): void {
    this.#active = bar;
    this.dispatchEvent(new BarChosen(bar.index));
    this.requestUpdate();
  }

  #go(bar: Bar | null): void {
    if (bar === null) return;
    this.#active = bar;
    this.#reveal(bar);
    this.requestUpdate();
  }

  /** Scrolls and pans so that the bar is in sight. */
  #reveal(bar: Bar): void {
    const viewport = this.#viewport();
    const place = topOf(this.model.lanes(), bar);
    if (viewport !== null && place !== null) {
      const room = viewport.clientHeight - AXIS_PX;
      if (place.top < viewport.scrollTop) viewport.scrollTop = place.top;
      else if (place.top + place.height > viewport.scrollTop + room) {
        viewport.scrollTop = place.top + place.height - room;
      }
    }
    const whole = this.#whole();
    if (this.#domain === null || whole === null) return;
    const at = bar.start - this.#origin();
    if (at < this.#domain.from || at > this.#domain.to) {
      const length = this.#domain.to - this.#domain.from;
      this.#show(pan({ from: at - length / 4, to: at + (length * 3) / 4 }, 0, whole));
    }
  }

  #zoom(factor: number, atX?: number): void {
    const sight = this.#sight();
    const whole = this.#whole();
    if (sight === null || whole === null) return;
    const gutter = gutterOf(sight.width);
    const { domain } = sight;
    const middle =
      this.#active === null ? (domain.from + domain.to) / 2 : this.#active.start - this.#origin();
    const pointed =
      atX === undefined ? middle : timeAxis(domain, sight.width - gutter - 8).secsAt(atX - gutter);
    const anchor = Math.min(domain.to, Math.max(domain.from, pointed));
    const next = zoom(domain, factor, anchor, whole);
    this.#show(next.to - next.from >= (whole.to - whole.from) * WHOLE ? null : next);
  }

  #pan(share: number): void {
    const whole = this.#whole();
    if (this.#domain !== null && whole !== null) this.#show(pan(this.#domain, share, whole));
  }

  #show(domain: Domain | null): void {
    this.#domain = domain;
    this.#paintSoon();
  }

  #hover(bar: Bar | null, event?: PointerEvent): void {
    const frame = this.renderRoot.querySelector('.frame')?.getBoundingClientRect();
    this.#hovered =
      bar === null || event === undefined || frame === undefined
        ? null
        : { bar, x: event.clientX - frame.left, y: event.clientY - frame.top };
    this.#showTip(frame?.width ?? 0);
  }

  #showTip(width: number): void {
    const tip = this.renderRoot.querySelector<HTMLElement>('.tip');
    if (tip === null) return;
    tip.hidden = this.#hovered === null;
    if (this.#hovered === null) return;
    const { bar, x, y } = this.#hovered;
    tip.textContent = this.#describe(bar);
    const left = Math.max(4, Math.min(x + 12, width - tip.offsetWidth - 4));
    tip.style.transform = `translate(${left}px, ${y + 16}px)`;
  }

  #rethemed(): void {
    if (this.#painter !== null) this.#painter.palette = readPalette(this);
    this.#paintSoon();
  }

  #paintSoon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const canvas = this.#canvas();
    const sight = this.#sight();
    if (canvas === null || sight === null || sight.width < gutterOf(sight.width) + 40) return;
    this.#painter ??= new CanvasPainter(canvas, readPalette(this));
    if (this.#size.width !== sight.width || this.#size.height !== sight.height) {
      this.#size = { width: sight.width, height: sight.height };
      canvas.style.height = `${sight.height}px`;
    }
    this.#painter.paint(sceneOf(this.#subject(), sight), window.devicePixelRatio);
    if (this.moving) this.#growLater(sight);
  }

  #growLater({ domain, width }: Sight): void {
    if (this.#timer !== undefined) return;
    const pixelMs = ((domain.to - domain.from) * 1000) / width;
    const growMs = this.#calm.matches ? GROW_CALMLY_MS : Math.min(Math.max(GROW_MS, pixelMs), GROW_CALMLY_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#paintSoon();
    }, growMs);
  }

  #subject(): Subject {
    const { model } = this;
    const joinedUnix = model.join?.joinedUnix ?? null;
    return {
      lanes: model.lanes(),
      originUnix: this.#origin(),
      nowUnix: this.clock.now(),
      joinedUnix,
      joinLabel:
        joinedUnix === null ? '' : `${this.strings.joinMoment} ${duration(joinedUnix - this.#origin())}`,
      critical: this.critical,
      active: this.renderRoot.querySelector('.viewport:focus') === null ? null : this.#active,
      selected: this.selected,
    };
  }

  #origin(): number {
    return this.model.span(this.clock.now())?.start ?? 0;
  }

  /** Everything there is to see, with a little air at its end. */
  #whole(): Domain | null {
    const span = this.model.span(this.clock.now());
    return span === null ? null : { from: 0, to: (span.end - span.start) * 1.02 };
  }

  #sight(width?: number, height?: number): Sight | null {
    const whole = this.#whole();
    const viewport = this.#viewport();
    if (whole === null || viewport === null) return null;
    return {
      width: width ?? viewport.clientWidth,
      height: height ?? viewport.clientHeight,
      scrollTop: width === undefined ? viewport.scrollTop : 0,
      domain: this.#domain ?? whole,
    };
  }

  #viewport(): HTMLElement | null {
    return this.renderRoot.querySelector('.viewport');
  }

  #canvas(): HTMLCanvasElement | null {
    return this.renderRoot.querySelector('canvas');
  }
}

customElements.define('fleet-timeline', TimelineElement);
