import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { ViewClock } from '../components/clock.ts';
import { icon } from '../components/icon.ts';
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
  type ToView,
  type ViewRequest,
} from '../protocol.ts';
import { SerialWished, type SerialWish } from '../report/speedup.ts';
import '../report/speedup.ts';
import { fill, type ViewStrings } from '../strings.ts';
import { Announcer } from './announcer.ts';
import { RetryWished, outcomeWord } from './census.ts';
import './census.ts';
import './detail.ts';
import { DetailClosed } from './detail.ts';
import {
  ExportWished,
  NoticeDismissed,
  StreamWished,
  type ExportFormat,
  type Notice,
  type Stream,
} from './header.ts';
import './header.ts';
import { ActionChosen } from './row-actions.ts';
import './subtasks.ts';
import { ListingChanged, RowChosen } from './subtasks.ts';
import './timeline.ts';
import { BarChosen, type TimelineElement } from './timeline.ts';

type Told = Exclude<ToView, { type: 'reply' }>;
type Change = ToView & { type: 'change' };

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
      fleet-header {
        position: sticky;
        top: 0;
        z-index: 2;
        margin: 0 -16px;
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
        fleet-header {
          margin: 0 -10px;
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
  #task: (ToView & { type: 'task' }) | null = null;
  #stream: Stream = { state: 'connecting', note: null };
  #speedup: { report: SpeedupRow | null; problem: Problem | null } = { report: null, problem: null };
  #serial: SerialRow | null = null;
  #refused: Problem | null = null;
  #notice: Notice | null = null;
  #appliedSeq: number | null = null;
  readonly #announcer = new Announcer(
    () => this.#sayable(),
    () => this.requestUpdate(),
  );
  #wallTimer: ReturnType<typeof setTimeout> | undefined;
  #painted = false;

  constructor(api: EditorApi) {
    super();
    this.#api = api;
    this.#saved = readSavedState(api.getState());
    this.#host = new Host(api, told => this.#heard(told));
    this.addEventListener(StreamWished.type, event => void this.#ask({ kind: (event as StreamWished).wish }));
    this.addEventListener(ExportWished.type, event => void this.#export((event as ExportWished).format));
    this.addEventListener(NoticeDismissed.type, () => this.#tell(null));
    this.addEventListener(RowChosen.type, event => this.#select((event as RowChosen).index));
    this.addEventListener(BarChosen.type, event => this.#select((event as BarChosen).index));
    this.addEventListener(DetailClosed.type, () => this.#select(null));
    this.addEventListener(ListingChanged.type, event => this.#list((event as ListingChanged).listing));
    this.addEventListener(ActionChosen.type, event => void this.#act(event as ActionChosen));
    this.addEventListener(RetryWished.type, () => void this.#ask({ kind: 'retry-failed' }));
    this.addEventListener(SerialWished.type, event => void this.#serialWish((event as SerialWished).wish));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#host.say({ type: 'ready' });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#host.dispose();
    this.#announcer.dispose();
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
      <div class="hidden" role="status">${this.#announcer.said}</div>
    </main>`;
  }

  protected override updated(_changed: PropertyValues<this>): void {
    if (this.#appliedSeq !== null) {
      this.#host.say({ type: 'applied', seq: this.#appliedSeq });
      this.#appliedSeq = null;
    }
    if (!this.#painted && this.#model.known > 0) this.#markFirstPaint();
    this.#announcer.tell(this.#model.join?.complete === true);
    this.#wallGoesOn();
  }

  #header(s: ViewStrings): TemplateResult {
    return html`<fleet-header
      .strings=${s}
      .task=${this.#task}
      .stream=${this.#stream}
      .exportable=${this.#model.join !== null}
      .notice=${this.#notice}
    ></fleet-header>`;
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
        .join=${this.#model.join}
        .speedup=${this.#speedup.report}
        .costUsd=${this.#model.costUsd}
        .unknownCosts=${this.#model.unknownCosts}
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
      .rows=${this.#model.rows}
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

  async #export(format: ExportFormat): Promise<void> {
    const s = this.#strings;
    if (s === null) return;
    const request = format === 'json' ? ({ kind: 'export-json' } as const) : await this.#picture(format, s);
    if (typeof request === 'string') return this.#tell({ good: false, text: request, hint: null });
    const saved = await this.#ask(request);
    if (saved !== null) this.#tell({ good: true, text: fill(s.exported, saved), hint: null });
  }

  /** @returns why there is none, where there is none. */
  async #picture(format: 'svg' | 'png', s: ViewStrings): Promise<ViewRequest | string> {
    const timeline = this.renderRoot.querySelector<TimelineElement>('fleet-timeline');
    const title = `${this.#task?.alias ?? ''} ${this.#task?.goal ?? ''}`;
    const data = format === 'svg' ? timeline?.exportSvg(title) : await timeline?.exportPng();
    if (data == null) return s.timelineEmpty;
    if (data.length > MAX_PICTURE_CHARS) return s.pictureTooLarge;
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

  #tell(notice: Notice | null): void {
    this.#notice = notice;
    this.requestUpdate();
  }
}

function problemOf(thrown: unknown): Problem {
  if (thrown instanceof RequestFailed) return thrown.problem;
  return { code: 'INTERNAL', message: String(thrown), hint: null };
}

customElements.define('fleet-join-view', JoinViewElement);
