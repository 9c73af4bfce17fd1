import { html, LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { duration } from '../../engine/contract/format.ts';
import type { ViewClock } from '../components/clock.ts';
import { shared } from '../components/styles.ts';
import { timeAxis, type Domain } from '../model/axis.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import type { Bar } from '../model/lanes.ts';
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
import { TimeRange } from '../model/time-range.ts';
import { walk, type Step } from '../model/walk.ts';
import type { ViewStrings } from '../strings.ts';
import { readPalette } from './palette.ts';
import { svgOf } from './svg-painter.ts';
import { PaintingController, type Painting } from './timeline-painting.ts';
import { activeOption, describe, legend, showTip, tool, untimedNote } from './timeline-parts.ts';
import { pictureScene, pngOf } from './timeline-picture.ts';
import { timelineStyles } from './timeline-styles.ts';

/** Reports that an attempt was chosen, by pointer or keyboard. */
export class BarChosen extends Event {
  static readonly type = 'bar-chosen';
  readonly index: number;

  constructor(index: number) {
    super(BarChosen.type, { bubbles: true, composed: true });
    this.index = index;
  }
}

const MAX_BODY_PX = 320;
/** The least width for bars, in pixels. Nothing is painted in less. */
const MIN_BARS_PX = 40;
const NEARER = 1 / 1.5;
const FARTHER = 1.5;

const STEPS: Readonly<Record<string, Step>> = {
  ArrowRight: 'next',
  ArrowLeft: 'previous',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
};

/**
 * The attempts of each worker over time. It is painted on a canvas, so that the cost depends on the visible part and
 * not on the number of attempts. For the keyboard and for screen readers, it is a list with the active attempt as its
 * element.
 */
export class TimelineElement extends LitElement {
  static override styles = [shared, timelineStyles];

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
  /** The version of the model. A new version draws the timeline again. */
  declare version: number;
  declare clock: ViewClock;
  /** True while running attempts grow. */
  declare moving: boolean;
  declare critical: readonly number[];
  declare selected: number | null;

  readonly #range = new TimeRange();
  readonly #canvas = new PaintingController(this, () => this.#painting());
  #active: Bar | null = null;

  /** Returns the whole timeline as a separate scene, in the present colours; null if there is none. */
  exportScene(): Scene | null {
    const whole = this.#whole();
    return whole === null || this.#viewport() === null
      ? null
      : pictureScene(this.#subject(), this.#range.of(whole));
  }

  exportSvg(title: string): string | null {
    const scene = this.exportScene();
    return scene === null ? null : svgOf(scene, readPalette(this), title);
  }

  /** Returns a PNG as base64. */
  async exportPng(): Promise<string | null> {
    const scene = this.exportScene();
    return scene === null ? null : pngOf(scene, readPalette(this));
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('selected') && this.#active?.index !== this.selected) this.#active = null;
  }

  protected override render(): TemplateResult {
    const { strings: s, model } = this;
    const first = model.lanes()[0]?.bars[0];
    if (first === undefined)
      return html`<div class="empty">${s.timelineEmpty}</div>
        ${untimedNote(s, model)}`;
    return html`
      <div class="head">
        ${legend(s, model, this.critical)}
        <div class="tools">
          ${tool('zoomOut', s.zoomOut, () => this.#zoom(FARTHER))}
          ${tool('zoomIn', s.zoomIn, () => this.#zoom(NEARER))}
          ${tool('screenFull', s.zoomFit, () => this.#showAll())}
        </div>
      </div>
      ${this.#list(this.#active ?? first)}
      <div id="help" class="hidden">${s.timelineHelp}</div>
      ${untimedNote(s, model)}
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
    // In the next frame the layout is known. To ask for it now would make the page compute it twice.
    this.#canvas.paintSoon();
  }

  #list(active: Bar): TemplateResult {
    const paintSoon = (): void => this.#canvas.paintSoon();
    return html`<div class="frame">
      <div
        class="viewport"
        tabindex="0"
        role="listbox"
        aria-label=${this.strings.timelineLabel}
        aria-describedby="help"
        aria-activedescendant="active"
        @keydown=${this.#onKey}
        @scroll=${paintSoon}
        @wheel=${{ handleEvent: (event: WheelEvent) => this.#onWheel(event), passive: false }}
        @pointermove=${this.#onPointer}
        @pointerleave=${this.#hideTip}
        @click=${this.#onClick}
        @focus=${paintSoon}
        @blur=${paintSoon}
      >
        <canvas aria-hidden="true"></canvas>
        <div class="spacer" role="presentation"></div>
        ${activeOption(active, this.model, this.selected === active.index, this.#describe(active))}
      </div>
      <div class="tip" aria-hidden="true" hidden></div>
    </div>`;
  }

  #describe(bar: Bar): string {
    const { strings, critical } = this;
    return describe(bar, strings, { nowUnix: this.clock.now(), originUnix: this.#origin(), critical });
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.#press(event)) event.preventDefault();
  }

  /** Performs the action of a key. @returns false if the key has no action */
  #press({ key, shiftKey }: KeyboardEvent): boolean {
    const step = STEPS[key];
    if (shiftKey && (key === 'ArrowLeft' || key === 'ArrowRight'))
      this.#pan(key === 'ArrowLeft' ? -0.25 : 0.25);
    else if (step !== undefined) this.#go(walk(this.model.lanes(), this.#active, step));
    else if (key === '+' || key === '=') this.#zoom(NEARER);
    else if (key === '-') this.#zoom(FARTHER);
    else if (key === '0') this.#showAll();
    else if (key === 'Enter' || key === ' ')
      this.#choose(this.#active ?? this.model.lanes()[0]?.bars[0] ?? null);
    else return false;
    return true;
  }

  #onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.#zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, event.offsetX);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      if (this.#range.isWhole) return;
      event.preventDefault();
      this.#pan((event.deltaX || event.deltaY) / 800);
    }
  }

  #onPointer(event: PointerEvent): void {
    const bar = this.#barUnder(event);
    const tip = this.#tip();
    const frame = this.renderRoot.querySelector('.frame')?.getBoundingClientRect();
    if (tip === null || frame === undefined || bar === null) return this.#hideTip();
    showTip(tip, frame, event, this.#describe(bar));
  }

  #hideTip(): void {
    const tip = this.#tip();
    if (tip !== null) tip.hidden = true;
  }

  #onClick(event: MouseEvent): void {
    this.#choose(this.#barUnder(event));
  }

  #barUnder(event: MouseEvent): Bar | null {
    const sight = this.#sight();
    const box = this.renderRoot.querySelector('canvas')?.getBoundingClientRect();
    if (sight === null || box === undefined) return null;
    return barAt(this.#subject(), sight, event.clientX - box.left, event.clientY - box.top);
  }

  #choose(bar: Bar | null): void {
    if (bar === null) return;
    this.#active = bar;
    this.dispatchEvent(new BarChosen(bar.index));
    this.requestUpdate();
  }

  #go(bar: Bar | null): void {
    if (bar === null) return;
    this.#active = bar;
    this.#scrollTo(bar);
    const whole = this.#whole();
    if (whole !== null && this.#range.reveal(bar.start - this.#origin(), whole)) this.#canvas.paintSoon();
    this.requestUpdate();
  }

  /** Scrolls no more than needed to make the bar visible. */
  #scrollTo(bar: Bar): void {
    const viewport = this.#viewport();
    const place = topOf(this.model.lanes(), bar);
    if (viewport === null || place === null) return;
    const room = viewport.clientHeight - AXIS_PX;
    const end = place.top + place.height;
    if (place.top < viewport.scrollTop) viewport.scrollTop = place.top;
    else if (end > viewport.scrollTop + room) viewport.scrollTop = end - room;
  }

  /** @param atX the position that keeps its moment; left out for the active attempt, or the middle */
  #zoom(factor: number, atX?: number): void {
    const sight = this.#sight();
    const whole = this.#whole();
    if (sight === null || whole === null) return;
    this.#range.zoom(factor, this.#anchor(sight, atX), whole);
    this.#canvas.paintSoon();
  }

  #anchor({ domain, width }: Sight, atX: number | undefined): number {
    const gutter = gutterOf(width);
    if (atX !== undefined) return timeAxis(domain, width - gutter - 8).secsAt(atX - gutter);
    return this.#active === null ? (domain.from + domain.to) / 2 : this.#active.start - this.#origin();
  }

  #pan(share: number): void {
    const whole = this.#whole();
    if (whole === null) return;
    this.#range.pan(share, whole);
    this.#canvas.paintSoon();
  }

  #showAll(): void {
    this.#range.showAll();
    this.#canvas.paintSoon();
  }

  #painting(): Painting | null {
    const canvas = this.renderRoot.querySelector('canvas');
    const sight = this.#sight();
    if (canvas === null || sight === null || sight.width < gutterOf(sight.width) + MIN_BARS_PX) return null;
    const { domain, width } = sight;
    const pixelMs = this.moving ? ((domain.to - domain.from) * 1000) / width : null;
    return { canvas, scene: sceneOf(this.#subject(), sight), pixelMs };
  }

  #subject(): Subject {
    const { model } = this;
    const originUnix = this.#origin();
    const joinedUnix = model.join?.joined_unix ?? null;
    return {
      lanes: model.lanes(),
      originUnix,
      nowUnix: this.clock.now(),
      joinedUnix,
      joinLabel: joinedUnix === null ? '' : `${this.strings.joinMoment} ${duration(joinedUnix - originUnix)}`,
      critical: this.critical,
      active: this.renderRoot.querySelector('.viewport:focus') === null ? null : this.#active,
      selected: this.selected,
    };
  }

  /** The zero of the axis, in unix seconds. */
  #origin(): number {
    return this.model.span(this.clock.now())?.start ?? 0;
  }

  /** Returns everything that can be shown, with a little space after the end. */
  #whole(): Domain | null {
    const span = this.model.span(this.clock.now());
    return span === null ? null : { from: 0, to: (span.end - span.start) * 1.02 };
  }

  #sight(): Sight | null {
    const whole = this.#whole();
    const viewport = this.#viewport();
    if (whole === null || viewport === null) return null;
    const { clientWidth: width, clientHeight: height, scrollTop } = viewport;
    return { width, height, scrollTop, domain: this.#range.of(whole) };
  }

  #viewport(): HTMLElement | null {
    return this.renderRoot.querySelector('.viewport');
  }

  #tip(): HTMLElement | null {
    return this.renderRoot.querySelector('.tip');
  }
}

customElements.define('fleet-timeline', TimelineElement);
