import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { ViewClock } from '../components/clock.ts';
import { icon, type IconName } from '../components/icon.ts';
import { shared } from '../components/styles.ts';
import { RequestFailed, type EditorApi, Host } from '../host.ts';
import { criticalIndices, FanOutModel } from '../model/fan-out.ts';
import type { Listing } from '../model/filter.ts';
import { readSavedState, type SavedState } from '../model/saved-state.ts';
import {
  MAX_PICTURE_CHARS,
  unpackChild,
  type Problem,
  type SerialRow,
  type SpeedupRow,
  type StreamState,
  type ToView,
  type ViewRequest,
} from '../protocol.ts';
import { SerialWished, type SerialWish } from '../report/speedup.ts';
import '../report/speedup.ts';
import { fill, type ViewStrings } from '../strings.ts';
import { outcomeWord } from './census.ts';
import './census.ts';
import './detail.ts';
import { DetailClosed } from './detail.ts';
import { ActionChosen } from './row-actions.ts';
import './subtasks.ts';
import { ListingChanged, RowChosen } from './subtasks.ts';
import './timeline.ts';
import { BarChosen, type TimelineElement } from './timeline.ts';

type Told = Exclude<ToView, { type: 'reply' }>;
type Change = ToView & { type: 'change' };

/** A census that moves fast is read out this often at most, in milliseconds; its end at once. */
const ANNOUNCE_MS = 5000;

const STREAM_ICONS: Readonly<Record<StreamState, IconName>> = {
  connecting: 'sync',
  live: 'circleLarge',
  paused: 'debugPause',
  disconnected: 'debugDisconnect',
};

const SERIAL_REQUESTS: Readonly<Record<SerialWish, ViewRequest>> = {
  run: { kind: 'run-serial' },
  cancel: { kind: 'cancel-serial' },
  open: { kind: 'open-serial' },
};

/** The whole panel: hears what the host tells, and asks it for what people want done. */
export class JoinViewElement extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        container-type: inline-size;
        min-height: 100vh;
      }
      main {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 14px;
        padding: 0 16px 24px;
        max-width: 1600px;
        margin: 0 auto;
      }
      header {
        position: sticky;
        top: 0;
        z-index: 2;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 12px;
        margin: 0 -16px;
        padding: 8px 16px 4px;
        background: var(--fleet-background);
        border-bottom: 1px solid var(--fleet-rule);
      }
      h1 {
        display: flex;
        flex: 1 1 240px;
        align-items: baseline;
        gap: 10px;
        min-width: 0;
        margin: 0;
        font-size: 1.15em;
        font-weight: 600;
      }
      h1 > span:first-child {
        flex: none;
        max-width: 60%;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      h1 .goal {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        font-size: 13px;
        font-weight: 400;
        color: var(--fleet-muted);
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 4px;
      }
      .stream {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        padding: 0 8px;
        height: 20px;
        margin-right: 4px;
        border: 1px solid var(--ink);
        border-radius: 10px;
        font-size: 12px;
      }
      .stream .icon {
        color: var(--ink);
      }
      .stream .icon {
        width: 12px;
        height: 12px;
      }
      .stream.live {
        --ink: var(--fleet-accepted);
      }
      .stream.live .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--ink);
        forced-color-adjust: none;
      }
      .stream.live.moving .dot {
        animation: breathe 2s ease-in-out infinite;
      }
      .stream.paused,
      .stream.connecting {
        --ink: var(--fleet-muted);
      }
      .stream.disconnected {
        --ink: var(--vscode-editorWarning-foreground, var(--fleet-rejected));
      }
      @keyframes breathe {
        50% {
          opacity: 0.35;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .stream.live.moving .dot {
          animation: none;
        }
      }
      .export {
        display: inline-flex;
        align-items: center;
        padding-left: 4px;
        border-left: 1px solid var(--fleet-rule);
        font-size: 12px;
      }
      .export > .icon {
        margin: 0 2px;
      }
      section {
        min-width: 0;
      }
      h2 {
        margin-bottom: 6px;
      }
      .padded {
        padding: 12px 14px;
      }
      .clip {
        overflow: hidden;
      }
      .notices {
        flex: 0 0 100%;
      }
      .notice {
        display: flex;
        margin-top: 4px;
        align-items: flex-start;
        gap: 8px;
        padding: 6px 8px 6px 12px;
        border: 1px solid var(--fleet-surface-border);
        border-left: 3px solid var(--ink);
        border-radius: 4px;
        background: var(--fleet-surface);
        overflow-wrap: anywhere;
      }
      .notice > span {
        flex: 1;
      }
      .notice.good {
        --ink: var(--fleet-accepted);
      }
      .notice.bad {
        --ink: var(--fleet-failed);
      }
      .notice > .icon {
        color: var(--ink);
        margin-top: 1px;
      }
      .loading {
        padding: 40px 16px;
        text-align: center;
        color: var(--fleet-muted);
      }
      aside {
        display: grid;
        gap: 14px;
        align-content: start;
        min-width: 0;
      }
      .flow {
        display: grid;
        gap: 14px;
        align-content: start;
        min-width: 0;
      }
      @container (min-width: 1080px) {
        .columns {
          display: grid;
          grid-template-columns: minmax(0, 1fr) 340px;
          gap: 18px;
        }
      }
      @container (max-width: 1079px) {
        .columns {
          display: grid;
          grid-template-columns: minmax(0, 1fr);
          gap: 14px;
        }
      }
      @container (max-width: 520px) {
        main {
          padding: 0 10px 20px;
        }
        header {
          margin: 0 -10px;
          padding: 6px 10px 2px;
        }
      }
    `,
  ];

  readonly #host: Host;
  readonly #api: EditorApi;
  readonly #model = new FanOutModel();
  readonly #clock = new ViewClock();
  #saved: SavedState;
  #strings: ViewStrings | null = null;
  #locale = 'en';
  #task: (ToView & { type: 'task' }) | null = null;
  #stream: { state: StreamState; note: string | null } = { state: 'connecting', note: null };
  #speedup: { report: SpeedupRow | null; problem: Problem | null } = { report: null, problem: null };
  #serial: SerialRow | null = null;
  #refused: Problem | null = null;
  #notice: { good: boolean; text: string; hint: string | null } | null = null;
  #appliedSeq: number | null = null;
  #said = '';
  #saidAtMs = -Infinity;
  #sayTimer: ReturnType<typeof setTimeout> | undefined;
  #wallTimer: ReturnType<typeof setTimeout> | undefined;
  #painted = false;

  constructor(api: EditorApi) {
    super();
    this.#api = api;
    this.#saved = readSavedState(api.getState());
    this.#host = new Host(api, told => this.#heard(told));
    this.addEventListener(RowChosen.type, event => this.#select((event as RowChosen).index));
    this.addEventListener(BarChosen.type, event => this.#select((event as BarChosen).index));
    this.addEventListener(DetailClosed.type, () => this.#select(null));
    this.addEventListener(ListingChanged.type, event => this.#list((event as ListingChanged).listing));
    this.addEventListener(ActionChosen.type, event => void this.#act(event as ActionChosen));
    this.addEventListener(SerialWished.type, event => void this.#serialWish((event as SerialWished).wish));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#host.say({ type: 'ready' });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#host.dispose();
    clearTimeout(this.#sayTimer);
    clearTimeout(this.#wallTimer);
  }

  /** Several messages between two frames are drawn once, and a page that nobody sees is not drawn. */
  protected override async scheduleUpdate(): Promise<void> {
    await new Promise(requestAnimationFrame);
    await super.scheduleUpdate();
  }

  protected override render(): TemplateResult | typeof nothing {
    const s = this.#strings;
    if (s === null) return nothing;
    return html`<main>
      ${this.#header(s)} ${this.#content(s)}
      <div class="hidden" role="status">${this.#said}</div>
    </main>`;
  }

  protected override updated(_changed: PropertyValues<this>): void {
    if (this.#appliedSeq !== null) {
      this.#host.say({ type: 'applied', seq: this.#appliedSeq });
      this.#appliedSeq = null;
    }
    if (!this.#painted && this.#model.known > 0) this.#markFirstPaint();
    this.#announce();
    this.#wallGoesOn();
  }

  #header(s: ViewStrings): TemplateResult {
    const { state, note } = this.#stream;
    const stopped = state === 'paused';
    return html`<header>
      <h1>
        <span>${this.#task?.alias ?? ''}</span>
        <span class="goal" title=${this.#task?.goal ?? ''}>${this.#task?.goal ?? ''}</span>
      </h1>
      <div class="tools">
        <span class="stream ${state} ${this.#isMoving() ? 'moving' : ''}" title=${note ?? ''}>
          ${state === 'live' ? html`<span class="dot"></span>` : icon(STREAM_ICONS[state])} ${s[state]}
        </span>
        <button
          class="tool"
          title=${stopped ? s.resumeLong : s.pauseLong}
          ?disabled=${state === 'disconnected'}
          @click=${() => void this.#ask({ kind: stopped ? 'resume' : 'pause' })}
        >
          ${icon(stopped ? 'play' : 'debugPause')}${stopped ? s.resume : s.pause}
        </button>
        <div class="export" role="group" aria-label=${s.export}>
          ${icon('exporting')} ${this.#exportTool('JSON', s.exportJson, () => this.#export('json'))}
          ${this.#exportTool('SVG', s.exportSvg, () => this.#export('svg'))}
          ${this.#exportTool('PNG', s.exportPng, () => this.#export('png'))}
        </div>
      </div>
      ${this.#noticeLine(s)}
    </header>`;
  }

  #exportTool(text: string, label: string, action: () => Promise<void>): TemplateResult {
    return html`<button
      class="tool"
      title=${label}
      aria-label=${label}
      ?disabled=${this.#model.join === null}
      @click=${() => void action()}
    >
      ${text}
    </button>`;
  }

  #noticeLine(s: ViewStrings): TemplateResult {
    const notice = this.#notice;
    const line =
      notice === null
        ? nothing
        : html`<div class="notice ${notice.good ? 'good' : 'bad'}">
            ${icon(notice.good ? 'pass' : 'error')}
            <span>
              ${notice.text}
              ${notice.hint === null ? nothing : html`<br /><span class="muted">${notice.hint}</span>`}
            </span>
            <button class="tool" title=${s.dismiss} aria-label=${s.dismiss} @click=${() => this.#tell(null)}>
              ${icon('close')}
            </button>
          </div>`;
    return html`<div class="notices" aria-live="assertive">${line}</div>`;
  }

  #content(s: ViewStrings): TemplateResult {
    const { join } = this.#model;
    if (join === null) {
      const word = this.#stream.state === 'disconnected' ? (this.#stream.note ?? s.disconnected) : s.loading;
      return html`<div class="loading">${word}</div>`;
    }
    if (join.subtasks === 0) return html`<div class="loading">${s.noFanOut}</div>`;
    const detail = this.#detail(s);
    return html`<div class="columns">
      <div class="flow">${this.#joinSection(s)} ${this.#timelineSection(s)} ${this.#subtasksSection(s)}</div>
      <aside>${detail} ${this.#speedupSection(s)}</aside>
    </div>`;
  }

  #joinSection(s: ViewStrings): TemplateResult {
    return html`<section aria-labelledby="join-title">
      <h2 id="join-title">${icon('merge')}${s.joinSection}</h2>
      <fleet-census
        class="card padded"
        .strings=${s}
        .locale=${this.#locale}
        .join=${this.#model.join}
        .speedup=${this.#speedup.report}
        .costUsd=${this.#model.costUsd}
        .wallSecs=${this.#wallSecs()}
      ></fleet-census>
    </section>`;
  }

  #timelineSection(s: ViewStrings): TemplateResult {
    return html`<section aria-labelledby="timeline-title">
      <h2 id="timeline-title">${icon('graph')}${s.timelineSection}</h2>
      <fleet-timeline
        class="card clip"
        .strings=${s}
        .model=${this.#model}
        .version=${this.#model.version}
        .clock=${this.#clock}
        .moving=${this.#isMoving()}
        .critical=${criticalIndices(this.#speedup.report, this.#model.rows)}
        .selected=${this.#saved.selected}
      ></fleet-timeline>
    </section>`;
  }

  #subtasksSection(s: ViewStrings): TemplateResult {
    return html`<section aria-labelledby="subtasks-title">
      <h2 id="subtasks-title">${icon('listUnordered')}${s.subtasksSection}</h2>
      <fleet-subtasks
        class="card clip"
        .strings=${s}
        .locale=${this.#locale}
        .model=${this.#model}
        .version=${this.#model.version}
        .clock=${this.#clock}
        .moving=${this.#isMoving()}
        .listing=${this.#saved.listing}
        .selected=${this.#saved.selected}
      ></fleet-subtasks>
    </section>`;
  }

  #detail(s: ViewStrings): TemplateResult | typeof nothing {
    const { selected } = this.#saved;
    const row = selected === null ? undefined : this.#model.rows[selected];
    if (row === undefined) return nothing;
    return html`<fleet-detail
      .strings=${s}
      .row=${row}
      .clock=${this.#clock}
      .version=${this.#model.version}
    ></fleet-detail>`;
  }

  #speedupSection(s: ViewStrings): TemplateResult {
    return html`<section aria-labelledby="speedup-title">
      <h2 id="speedup-title">${icon('dashboard')}${s.speedupSection}</h2>
      <fleet-speedup
        class="card"
        .strings=${s}
        .report=${this.#speedup.report}
        .problem=${this.#speedup.problem}
        .serial=${this.#serial}
        .refused=${this.#refused}
        .enabled=${this.#stream.state !== 'disconnected'}
        .joined=${this.#model.join?.complete ?? false}
        .isSerial=${this.#task?.serial ?? false}
      ></fleet-speedup>
    </section>`;
  }

  #heard(told: Told): void {
    switch (told.type) {
      case 'init':
        this.#strings = told.strings;
        this.#locale = told.locale;
        break;
      case 'task':
        this.#task = told;
        this.#save({ thread: told.thread });
        break;
      case 'stream':
        this.#stream = { state: told.state, note: told.note };
        if (told.state === 'live') this.#clock.go();
        else this.#clock.stop();
        break;
      case 'change':
        this.#change(told);
        break;
      case 'speedup':
        this.#speedup = { report: told.report, problem: told.problem };
        break;
      case 'serial':
        this.#serial = told.run;
        break;
    }
    this.requestUpdate();
  }

  #change({ seq, nowUnix, reset, join, children }: Change): void {
    this.#clock.sync(nowUnix);
    this.#model.apply({ join, children: children.map(unpackChild), reset });
    this.#appliedSeq = seq;
  }

  #isMoving(): boolean {
    return this.#stream.state === 'live' && this.#model.running > 0;
  }

  /** From the opening to the join, or to now. */
  #wallSecs(): number | null {
    const { join } = this.#model;
    if (join?.openedUnix == null) return null;
    const end = join.complete ? join.joinedUnix : this.#clock.now();
    return end === null ? null : Math.max(0, end - join.openedUnix);
  }

  #wallGoesOn(): void {
    const { join } = this.#model;
    if (this.#wallTimer !== undefined || this.#stream.state !== 'live' || join === null || join.complete)
      return;
    this.#wallTimer = setTimeout(() => {
      this.#wallTimer = undefined;
      this.requestUpdate();
    }, 1000);
  }

  #announce(): void {
    const text = this.#sayable();
    const joined = this.#model.join?.complete === true;
    if (text === this.#said || (this.#sayTimer !== undefined && !joined)) return;
    // The end does not wait for the turn of what came before it.
    clearTimeout(this.#sayTimer);
    const waitMs = joined ? 0 : Math.max(0, this.#saidAtMs + ANNOUNCE_MS - performance.now());
    this.#sayTimer = setTimeout(() => {
      this.#sayTimer = undefined;
      this.#saidAtMs = performance.now();
      // What is said is what holds by then.
      this.#said = this.#sayable();
      this.requestUpdate();
    }, waitMs);
  }

  #sayable(): string {
    const { join } = this.#model;
    if (join === null || this.#strings === null) return '';
    const outcome =
      join.outcome === null ? this.#strings.joinWaits : this.#strings[outcomeWord(join.outcome)];
    return join.reason === null ? outcome : `${outcome}: ${join.reason}`;
  }

  /** Told to whoever measures: from the script's start to the frame in which subtasks can be seen. */
  #markFirstPaint(): void {
    this.#painted = true;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        performance.measure('fleet:first-paint', 'fleet:start');
        channel.port1.close();
      };
      channel.port2.postMessage(null);
    });
  }

  #select(index: number | null): void {
    this.#save({ selected: index });
    this.requestUpdate();
  }

  #list(listing: Listing): void {
    this.#save({ listing });
    this.requestUpdate();
  }

  #save(change: Partial<SavedState>): void {
    this.#saved = { ...this.#saved, ...change };
    this.#api.setState(this.#saved);
  }

  async #act({ action, index }: ActionChosen): Promise<void> {
    await this.#ask({ kind: action, index });
  }

  async #serialWish(wish: SerialWish): Promise<void> {
    this.#refused = null;
    this.requestUpdate();
    try {
      await this.#host.ask(SERIAL_REQUESTS[wish]);
    } catch (thrown) {
      this.#refused = problemOf(thrown);
    }
    this.requestUpdate();
  }

  async #export(format: 'json' | 'svg' | 'png'): Promise<void> {
    const s = this.#strings;
    if (s === null) return;
    const request = format === 'json' ? ({ kind: 'export-json' } as const) : await this.#picture(format);
    if (request === null) return this.#tell({ good: false, text: s.timelineEmpty, hint: null });
    const saved = await this.#ask(request);
    if (saved !== null) this.#tell({ good: true, text: fill(s.exported, saved), hint: null });
  }

  async #picture(format: 'svg' | 'png'): Promise<ViewRequest | null> {
    const timeline = this.renderRoot.querySelector<TimelineElement>('fleet-timeline');
    const title = `${this.#task?.alias ?? ''} ${this.#task?.goal ?? ''}`;
    const data = format === 'svg' ? timeline?.exportSvg(title) : await timeline?.exportPng();
    if (data == null || data.length > MAX_PICTURE_CHARS) return null;
    return { kind: 'export-picture', format, data };
  }

  /** Asks the host, and shows why when it fails: null then, too. */
  async #ask(request: ViewRequest): Promise<string | null> {
    try {
      const answer = await this.#host.ask(request);
      if (this.#notice?.good === false) this.#tell(null);
      return answer;
    } catch (thrown) {
      const { message, hint } = problemOf(thrown);
      this.#tell({ good: false, text: message, hint });
      return null;
    }
  }

  #tell(notice: { good: boolean; text: string; hint: string | null } | null): void {
    this.#notice = notice;
    this.requestUpdate();
  }
}

function problemOf(thrown: unknown): Problem {
  if (thrown instanceof RequestFailed) return thrown.problem;
  return { code: 'INTERNAL', message: String(thrown), hint: null };
}

customElements.define('fleet-join-view', JoinViewElement);
