import '@vscode-elements/elements/dist/vscode-option/index.js';
import '@vscode-elements/elements/dist/vscode-single-select/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { ViewClock } from '../components/clock.ts';
import { lookIcon } from '../components/icon.ts';
import { shared } from '../components/styles.ts';
import { costOf, elapsedOf, titleOf, unknownCostsOf, type FanOutModel } from '../model/fan-out.ts';
import { inPlace, list, type Listing, type SortKey } from '../model/filter.ts';
import { duration, totalCost } from '../../engine/contract/format.ts';
import { LOOKS, lookOf, wordOf } from '../model/looks.ts';
import { scrollTo, windowOf } from '../model/window.ts';
import type { ChildRow } from '../protocol.ts';
import { fill, type StringKey, type ViewStrings } from '../strings.ts';
import { actionButton, ActionChosen, mayDo, ROW_ACTIONS, type RowAction } from './row-actions.ts';

/** Told when another subtask is selected. */
export class RowChosen extends Event {
  static readonly type = 'row-chosen';
  readonly index: number;

  constructor(index: number) {
    super(RowChosen.type, { bubbles: true, composed: true });
    this.index = index;
  }
}

/** Told when the list is filtered or sorted otherwise. */
export class ListingChanged extends Event {
  static readonly type = 'listing-changed';
  readonly listing: Listing;

  constructor(listing: Listing) {
    super(ListingChanged.type, { bubbles: true, composed: true });
    this.listing = listing;
  }
}

const ROW_PX = 26;
const NARROW_ROW_PX = 44;
const NARROW_BELOW_PX = 620;
const MAX_ROWS_IN_SIGHT = 14;

const COLUMNS: readonly { key: SortKey | 'reason' | 'actions'; word: StringKey }[] = [
  { key: 'index', word: 'columnIndex' },
  { key: 'title', word: 'columnSubtask' },
  { key: 'state', word: 'columnState' },
  { key: 'worker', word: 'columnWorker' },
  { key: 'attempt', word: 'columnAttempt' },
  { key: 'elapsed', word: 'columnElapsed' },
  { key: 'cost', word: 'columnCost' },
  { key: 'reason', word: 'columnReason' },
  { key: 'actions', word: 'columnActions' },
];

const KEY_ACTIONS: Readonly<Record<string, RowAction>> = {
  Enter: 'output',
  o: 'output',
  r: 'retry',
  Delete: 'cancel',
};

/** The list of subtasks. Only the rows in sight are elements; the keyboard moves an active row, which is the selected one. */
export class SubtasksElement extends LitElement {
  static override styles = [
    shared,
    css`
      .filter {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px;
        padding: 6px;
        border-bottom: 1px solid var(--fleet-rule);
      }
      vscode-textfield {
        flex: 1 1 160px;
        width: auto;
        max-width: 340px;
      }
      vscode-single-select {
        width: 150px;
      }
      .shown {
        margin-left: auto;
        padding: 0 4px;
        font-size: 12px;
      }
      .line {
        display: grid;
        grid-template-columns:
          50px minmax(110px, 1.5fr) 106px minmax(86px, 0.8fr) 62px 66px 70px minmax(80px, 1.6fr)
          76px;
        align-items: center;
        padding: 0 6px;
      }
      .line > * {
        min-width: 0;
        padding: 0 6px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .end {
        text-align: right;
        font-variant-numeric: tabular-nums;
      }
      .header {
        border-bottom: 1px solid var(--fleet-rule);
        font-size: 11px;
        color: var(--fleet-muted);
      }
      .header button {
        width: 100%;
        padding: 4px 0;
        border: 0;
        background: none;
        color: inherit;
        font: inherit;
        text-align: inherit;
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
        cursor: pointer;
      }
      .header button:hover {
        color: var(--fleet-text);
      }
      .header [aria-sort='ascending'] button::after {
        content: ' ↑';
      }
      .header [aria-sort='descending'] button::after {
        content: ' ↓';
      }
      .body {
        position: relative;
        overflow-y: auto;
        overflow-x: hidden;
      }
      .grid:focus {
        outline: none;
      }
      .rows {
        position: absolute;
        inset: 0 0 auto;
      }
      .row {
        height: 26px;
        cursor: default;
      }
      .row:hover {
        background: var(--fleet-hover);
      }
      .row[aria-selected='true'] {
        background: var(--fleet-selected);
        color: var(--fleet-selected-text);
        outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
      }
      .grid:focus-visible .row[aria-selected='true'] {
        outline: 1px solid var(--fleet-focus);
      }
      .state {
        display: flex;
        align-items: center;
        gap: 5px;
      }
      .reason {
        color: var(--fleet-muted);
      }
      .row[aria-selected='true'] :is(.reason, .muted) {
        color: inherit;
      }
      .actions {
        display: flex;
        justify-content: flex-end;
        padding: 0;
        visibility: hidden;
      }
      .row:hover .actions,
      .row[aria-selected='true'] .actions {
        visibility: visible;
      }
      .none {
        padding: 18px;
        text-align: center;
        color: var(--fleet-muted);
      }
      .narrow .line {
        grid-template-columns: 40px minmax(0, 1fr) auto auto;
        grid-template-rows: 22px 18px;
        align-content: center;
      }
      .narrow .row {
        height: 44px;
      }
      .narrow .cell-index {
        grid-area: 1 / 1;
      }
      .narrow .cell-title {
        grid-area: 1 / 2;
      }
      .narrow .row .cell-title {
        font-weight: 600;
      }
      .narrow .cell-state {
        grid-area: 1 / 3;
      }
      .narrow .cell-elapsed {
        grid-area: 1 / 4;
        min-width: 64px;
      }
      .narrow .cell-worker {
        grid-area: 2 / 1 / 3 / 3;
        padding-left: 46px;
        font-size: 12px;
        color: var(--fleet-muted);
      }
      .narrow .cell-attempt,
      .narrow .cell-cost,
      .narrow .cell-reason {
        display: none;
      }
      .narrow .cell-actions {
        grid-area: 2 / 3 / 3 / 5;
      }
      .narrow .header {
        grid-template-rows: 24px;
      }
      .narrow .header .cell-worker,
      .narrow .header .cell-actions {
        display: none;
      }
    `,
  ];

  static override properties = {
    strings: { attribute: false },
    model: { attribute: false },
    version: { attribute: false },
    clock: { attribute: false },
    moving: { attribute: false },
    listing: { attribute: false },
    selected: { attribute: false },
  };

  declare strings: ViewStrings;
  declare model: FanOutModel;
  declare version: number;
  declare clock: ViewClock;
  declare moving: boolean;
  declare listing: Listing;
  declare selected: number | null;

  #rows: readonly ChildRow[] = [];
  #scrollTop = 0;
  #isPointed = false;
  #narrow = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #resized = new ResizeObserver(([entry]) => {
    const narrow = (entry?.contentRect.width ?? 0) < NARROW_BELOW_PX;
    if (narrow === this.#narrow) return;
    this.#narrow = narrow;
    this.requestUpdate();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const isLive = this.listing.sort === 'elapsed' && this.moving;
    if (changed.has('version') || changed.has('listing') || changed.has('model') || isLive) {
      const isAsked = changed.has('listing') || changed.has('model');
      this.#arrange(isAsked || !this.#isPointed);
    }
  }

  /** A click is for the row that was pointed at: while one is, rows change and stay where they are. */
  #arrange(mayMove: boolean): void {
    const listed = list(this.model.rows, this.listing, this.clock.now());
    this.#rows = mayMove ? listed : inPlace(this.#rows, listed, this.model.rows);
  }

  #onLeave(): void {
    this.#isPointed = false;
    this.#arrange(true);
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const { strings: s } = this;
    const rowPx = this.#rowPx();
    const { first, end } = windowOf(this.#scrollTop, this.#bodyPx(), rowPx, this.#rows.length);
    const active = this.#place();
    return html`
      ${this.#filter()}
      <div
        class="grid ${this.#narrow ? 'narrow' : ''}"
        role="grid"
        tabindex="0"
        aria-label=${s.subtasksLabel}
        aria-rowcount=${this.#rows.length + 1}
        aria-colcount=${COLUMNS.length}
        aria-activedescendant=${active >= first && active < end ? `row-${this.selected}` : nothing}
        @keydown=${this.#onKey}
      >
        <div role="rowgroup">
          <div class="line header" role="row" aria-rowindex="1">
            ${COLUMNS.map(column => this.#column(column))}
          </div>
        </div>
        <div
          class="body"
          role="rowgroup"
          @scroll=${this.#onScroll}
          @pointerenter=${() => (this.#isPointed = true)}
          @pointerleave=${this.#onLeave}
        >
          <div class="rows" role="presentation">
            ${repeat(
              this.#rows.slice(first, end),
              row => row.index,
              (row, at) => this.#row(row, first + at),
            )}
          </div>
          <div class="spacer" role="presentation"></div>
        </div>
      </div>
      ${this.#rows.length === 0 ? html`<div class="none">${this.#emptyWord()}</div>` : nothing}
    `;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const rowPx = this.#rowPx();
    const { first } = windowOf(this.#scrollTop, this.#bodyPx(), rowPx, this.#rows.length);
    const [body, rows, spacer] = ['.body', '.rows', '.spacer'].map(name =>
      this.renderRoot.querySelector<HTMLElement>(name),
    );
    if (body == null || rows == null || spacer == null) return;
    body.style.height = `${this.#bodyPx()}px`;
    rows.style.transform = `translateY(${first * rowPx}px)`;
    spacer.style.height = `${this.#rows.length * rowPx}px`;
    if (changed.has('selected') || changed.has('listing')) this.#reveal(body, rowPx);
    this.#tickLater();
  }

  #filter(): TemplateResult {
    const { strings: s, listing } = this;
    const states = ['all', 'unaccepted', ...LOOKS] as const;
    const word = (state: (typeof states)[number]): string =>
      state === 'all' ? s.filterAll : state === 'unaccepted' ? s.filterUnaccepted : s[wordOf(state)];
    const total = this.model.known;
    return html`<div class="filter">
      <vscode-textfield
        type="search"
        .label=${s.filterText}
        placeholder=${s.filterText}
        .value=${listing.text}
        @input=${(event: Event) => this.#list({ text: (event.target as HTMLInputElement).value })}
      ></vscode-textfield>
      <vscode-single-select
        .label=${s.filterState}
        .value=${listing.state}
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          this.#list({ state: states.find(state => state === value) ?? 'all' });
        }}
      >
        ${states.map(
          state =>
            html`<vscode-option value=${state} ?selected=${state === listing.state}
              >${word(state)}</vscode-option
            >`,
        )}
      </vscode-single-select>
      <span class="shown muted number">
        ${fill(s.filterShown, String(this.#rows.length), String(total))}
      </span>
    </div>`;
  }

  #column({ key, word }: (typeof COLUMNS)[number]): TemplateResult {
    const text = this.strings[word];
    const place = `cell-${key}`;
    if (key === 'reason') return html`<div class=${place} role="columnheader">${text}</div>`;
    if (key === 'actions') {
      return html`<div class=${place} role="columnheader"><span class="hidden">${text}</span></div>`;
    }
    const { sort, descending } = this.listing;
    const order = sort !== key ? 'none' : descending ? 'descending' : 'ascending';
    const isNumber = key === 'elapsed' || key === 'cost' || key === 'index' || key === 'attempt';
    return html`<div class="${place} ${isNumber ? 'end' : ''}" role="columnheader" aria-sort=${order}>
      <button
        tabindex=${sort === key ? 0 : -1}
        @click=${() => this.#list({ sort: key, descending: sort === key && !descending })}
      >
        ${text}
      </button>
    </div>`;
  }

  #row(row: ChildRow, place: number): TemplateResult {
    const { strings: s } = this;
    const look = lookOf(row);
    const elapsed = elapsedOf(row, this.clock.now());
    const isHanded = row.state === 'running' && row.startedUnix === null;
    return html`<div
      id="row-${row.index}"
      class="line row"
      role="row"
      aria-rowindex=${place + 2}
      aria-selected=${row.index === this.selected}
      @click=${() => this.dispatchEvent(new RowChosen(row.index))}
      @dblclick=${() => this.#do('output', row)}
    >
      <div class="cell-index end muted" role="gridcell">${row.index}</div>
      <div class="cell-title" role="gridcell" title=${row.goal}>${titleOf(row)}</div>
      <div class="cell-state state" role="gridcell">
        ${lookIcon(isHanded ? 'pending' : look)}
        <span>${isHanded ? s.handedOver : s[wordOf(look)]}</span>
      </div>
      <div class="cell-worker" role="gridcell">${this.#workerCell(row)}</div>
      <div class="cell-attempt end" role="gridcell">${row.attempt === 0 ? '' : row.attempt}</div>
      <div class="cell-elapsed end" role="gridcell">${elapsed === null ? '–' : duration(elapsed)}</div>
      <div class="cell-cost end" role="gridcell">${totalCost(costOf(row), unknownCostsOf(row))}</div>
      <div class="cell-reason reason" role="gridcell" title=${this.#reason(row)}>${this.#reason(row)}</div>
      <div class="cell-actions actions" role="gridcell">
        ${ROW_ACTIONS.map(action => actionButton(action, row, s, { words: false, tabindex: -1 }))}
      </div>
    </div>`;
  }

  /** Returns the content of the worker's cell; where there is no room for columns, it says what they would. */
  #workerCell(row: ChildRow): string | typeof nothing {
    if (!this.#narrow) return row.worker ?? nothing;
    const [cost, unknown] = [costOf(row), unknownCostsOf(row)];
    const parts = [
      row.worker,
      row.attempt > 1 ? fill(this.strings.attempt, row.attempt) : null,
      cost > 0 || unknown > 0 ? totalCost(cost, unknown) : null,
      this.#reason(row),
    ];
    return parts.filter(part => part !== null && part !== '').join(' · ');
  }

  #reason(row: ChildRow): string {
    const { strings: s } = this;
    const follows = { accepted: null, failed: s.followsFailed, always: s.followsAlways }[row.when];
    return [follows ?? (row.afterJoin ? s.afterJoin : null), row.reason]
      .filter(part => part !== null)
      .join(' · ');
  }

  #emptyWord(): string {
    return this.model.known === 0 ? this.strings.noSubtasks : this.strings.filterNone;
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.composedPath()[0] as HTMLElement;
    if (target.closest('.header') !== null) return this.#onHeaderKey(event, target);
    const place = this.#place();
    const page = Math.max(1, Math.floor(this.#bodyPx() / this.#rowPx()) - 1);
    const last = this.#rows.length - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: place + 1,
      ArrowUp: place < 0 ? 0 : place - 1,
      PageDown: place + page,
      PageUp: place - page,
      Home: 0,
      End: last,
    };
    const to = moves[event.key];
    const action = KEY_ACTIONS[event.key];
    const row = this.#rows[place];
    if (to !== undefined && last >= 0) {
      const next = this.#rows[Math.min(last, Math.max(0, to))]!;
      // At once, so that a key that is held down goes on from here and not from what was drawn last.
      this.selected = next.index;
      this.dispatchEvent(new RowChosen(next.index));
    } else if (action !== undefined && row !== undefined) this.#do(action, row);
    else return;
    event.preventDefault();
  }

  #onHeaderKey(event: KeyboardEvent, target: HTMLElement): void {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const buttons = [...this.renderRoot.querySelectorAll<HTMLButtonElement>('.header button')];
    buttons[buttons.indexOf(target as HTMLButtonElement) + step]?.focus();
    event.preventDefault();
  }

  #onScroll(event: Event): void {
    this.#scrollTop = (event.target as HTMLElement).scrollTop;
    this.requestUpdate();
  }

  #do(action: RowAction, row: ChildRow): void {
    if (mayDo(action, row)) this.dispatchEvent(new ActionChosen(action, row.index));
  }

  #list(change: Partial<Listing>): void {
    this.dispatchEvent(new ListingChanged({ ...this.listing, ...change }));
  }

  #place(): number {
    const { selected } = this;
    return selected === null ? -1 : this.#rows.findIndex(row => row.index === selected);
  }

  #reveal(body: HTMLElement, rowPx: number): void {
    const place = this.#place();
    if (place < 0) return;
    const to = scrollTo(place, body.scrollTop, body.clientHeight, rowPx);
    if (to !== body.scrollTop) body.scrollTop = to;
  }

  #rowPx(): number {
    return this.#narrow ? NARROW_ROW_PX : ROW_PX;
  }

  #bodyPx(): number {
    return Math.min(this.#rows.length, MAX_ROWS_IN_SIGHT) * this.#rowPx();
  }

  /** Elapsed times of running subtasks go on each second. */
  #tickLater(): void {
    if (!this.moving || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.requestUpdate();
    }, 1000);
  }
}

customElements.define('fleet-subtasks', SubtasksElement);
