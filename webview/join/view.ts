import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { shared } from '../components/styles.ts';
import { RequestFailed, type EditorApi, Host } from '../host.ts';
import type { Listing } from '../model/filter.ts';
import { progressOf, stateOf } from '../model/outcome.ts';
import { PanelState, type ViewMessage } from '../model/panel-state.ts';
import { readSavedState, type SavedState } from '../model/saved-state.ts';
import { MAX_PICTURE_CHARS, type Problem, type ViewRequest } from '../protocol.ts';
import { SerialRequested, type SerialAction } from '../report/speedup.ts';
import { fill, type ViewStrings } from '../strings.ts';
import { Announcer } from './announcer.ts';
import { DetailClosed } from './detail.ts';
import {
  ExportRequested,
  NoticeDismissed,
  RunActionChosen,
  StreamRequested,
  type ExportFormat,
  type Notice,
} from './header.ts';
import './header.ts';
import { ActionChosen } from './row-actions.ts';
import { ListingChanged, RowChosen } from './subtasks.ts';
import { BarChosen, type TimelineElement } from './timeline.ts';
import { sections } from './view-sections.ts';
import { viewStyles } from './view-styles.ts';

const SERIAL_REQUESTS: Readonly<Record<SerialAction, ViewRequest>> = {
  run: { kind: 'run-serial' },
  cancel: { kind: 'cancel-serial' },
  open: { kind: 'open-serial' },
};

/** The whole panel. Receives messages from the host, and sends it the user's requests. */
export class JoinViewElement extends LitElement {
  static override styles = [shared, viewStyles];

  readonly #host: Host;
  readonly #api: EditorApi;
  readonly #state = new PanelState();
  #saved: SavedState;
  #refused: Problem | null = null;
  #notice: Notice | null = null;
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
    this.#host = new Host(api, message => this.#onMessage(message));
    this.addEventListener(
      StreamRequested.type,
      event => void this.#ask({ kind: (event as StreamRequested).request }),
    );
    this.addEventListener(
      ExportRequested.type,
      event => void this.#export((event as ExportRequested).format),
    );
    this.addEventListener(NoticeDismissed.type, () => this.#showNotice(null));
    this.addEventListener(RowChosen.type, event => this.#select((event as RowChosen).index));
    this.addEventListener(BarChosen.type, event => this.#select((event as BarChosen).index));
    this.addEventListener(DetailClosed.type, () => this.#select(null));
    this.addEventListener(ListingChanged.type, event => this.#list((event as ListingChanged).listing));
    this.addEventListener(ActionChosen.type, event => void this.#act(event as ActionChosen));
    this.addEventListener(
      RunActionChosen.type,
      event => void this.#ask({ kind: (event as RunActionChosen).action }),
    );
    this.addEventListener(
      SerialRequested.type,
      event => void this.#serialAction((event as SerialRequested).action),
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#host.send({ type: 'ready' });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#host.dispose();
    this.#announcer.dispose();
    clearTimeout(this.#wallTimer);
  }

  /** Draws once per frame, however many messages come. Does not draw while the page is hidden. */
  protected override async scheduleUpdate(): Promise<void> {
    await new Promise(requestAnimationFrame);
    await super.scheduleUpdate();
  }

  protected override render(): TemplateResult | typeof nothing {
    const { strings } = this.#state;
    if (strings === null) return nothing;
    const shown = { state: this.#state, saved: this.#saved, refused: this.#refused };
    return html`<main>
      ${this.#header(strings)} ${sections(shown, strings)}
      <div class="hidden" role="status">${this.#announcer.said}</div>
    </main>`;
  }

  protected override updated(_changed: PropertyValues<this>): void {
    const seq = this.#state.takeApplied();
    if (seq !== null) this.#host.send({ type: 'applied', seq });
    const { model } = this.#state;
    if (!this.#painted && model.known > 0) this.#markFirstPaint();
    this.#announcer.tell(model.join?.complete === true);
    this.#growWallTime();
  }

  #header(s: ViewStrings): TemplateResult {
    const { task, stream, model } = this.#state;
    return html`<fleet-header
      .strings=${s}
      .task=${task}
      .stream=${stream}
      .join=${model.join}
      .endedUnix=${this.#state.endedUnix}
      .notice=${this.#notice}
    ></fleet-header>`;
  }

  #onMessage(message: ViewMessage): void {
    this.#state.apply(message);
    if (message.type === 'task') this.#save({ thread: message.thread });
    this.requestUpdate();
  }

  /** Draws the wall time again each second while it grows. */
  #growWallTime(): void {
    if (this.#wallTimer !== undefined || !this.#state.isWallMoving) return;
    this.#wallTimer = setTimeout(() => {
      this.#wallTimer = undefined;
      this.requestUpdate();
    }, 1000);
  }

  #sayable(): string {
    const { model, strings } = this.#state;
    const { join } = model;
    if (join === null || strings === null) return '';
    return `${strings[stateOf(join, model.needsYou).word]}: ${progressOf(model, strings)}`;
  }

  /** Records the time from the script's start to the first frame with subtasks. */
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

  async #serialAction(action: SerialAction): Promise<void> {
    this.#refused = null;
    this.requestUpdate();
    try {
      await this.#host.ask(SERIAL_REQUESTS[action]);
    } catch (thrown) {
      this.#refused = problemOf(thrown);
    }
    this.requestUpdate();
  }

  async #export(format: ExportFormat): Promise<void> {
    const s = this.#state.strings;
    if (s === null) return;
    const request = format === 'json' ? ({ kind: 'export-json' } as const) : await this.#picture(format, s);
    if (typeof request === 'string') return this.#showNotice({ good: false, text: request, hint: null });
    const saved = await this.#ask(request);
    if (saved !== null) this.#showNotice({ good: true, text: fill(s.exported, saved), hint: null });
  }

  /** @returns the reason if there is no picture */
  async #picture(format: 'svg' | 'png', s: ViewStrings): Promise<ViewRequest | string> {
    const timeline = this.renderRoot.querySelector<TimelineElement>('fleet-timeline');
    const { task } = this.#state;
    const title = `${task?.alias ?? ''} ${task?.goal ?? ''}`;
    const data = format === 'svg' ? timeline?.exportSvg(title) : await timeline?.exportPng();
    if (data == null) return s.timelineEmpty;
    if (data.length > MAX_PICTURE_CHARS) return s.pictureTooLarge;
    return { kind: 'export-picture', format, data };
  }

  /** Asks the host, and shows the reason of a failure. @returns null after a failure */
  async #ask(request: ViewRequest): Promise<string | null> {
    try {
      const answer = await this.#host.ask(request);
      if (this.#notice?.good === false) this.#showNotice(null);
      return answer;
    } catch (thrown) {
      const { message, hint } = problemOf(thrown);
      this.#showNotice({ good: false, text: message, hint });
      return null;
    }
  }

  #showNotice(notice: Notice | null): void {
    this.#notice = notice;
    this.requestUpdate();
  }
}

function problemOf(thrown: unknown): Problem {
  if (thrown instanceof RequestFailed) return thrown.problem;
  return { code: 'INTERNAL', message: String(thrown), hint: null };
}

customElements.define('fleet-join-view', JoinViewElement);
