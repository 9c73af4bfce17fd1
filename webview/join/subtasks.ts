import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { ViewClock } from '../components/clock.ts';
import { shared } from '../components/styles.ts';
import type { FanOutModel } from '../model/fan-out.ts';
import { inPlace, list, type Listing } from '../model/filter.ts';
import type { ChildRow } from '../protocol.ts';
import type { ViewStrings } from '../strings.ts';
import { ActionChosen, mayDo, type RowAction } from './row-actions.ts';
import { RowWindow, type RowWindowElements } from './row-window.ts';
import { columnHeadings, columnsOf, onHeadingKey } from './subtask-columns.ts';
import { subtaskFilter } from './subtask-filter.ts';
import { subtaskRow, type RowContext } from './subtask-row.ts';
import { subtasksStyles } from './subtasks-styles.ts';

/** Reports that another subtask is selected. */
export class RowChosen extends Event {
  static readonly type = 'row-chosen';
  readonly index: number;

  constructor(index: number) {
    super(RowChosen.type, { bubbles: true, composed: true });
    this.index = index;
  }
}

/** Requests another filter or order of the list. */
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
/** The least width for columns, and the width that each column adds which not all lists have. */
const COLUMNS_PX = 720;
const OPTIONAL_PX = 72;

const KEY_ACTIONS: Readonly<Record<string, RowAction>> = {
  Enter: 'output',
  o: 'output',
  r: 'retry',
  Delete: 'cancel',
};

/**
 * The list of subtasks. Only visible rows have elements. The keyboard moves the active row, which is also the selected
 * one.
 */
export class SubtasksElement extends LitElement {
  static override styles = [shared, subtasksStyles];

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
  #isPointed = false;
  #widthPx = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #window = new RowWindow(this, () => this.#elements());
  readonly #resized = new ResizeObserver(([entry]) => {
    const before = this.#narrow;
    this.#widthPx = entry?.contentRect.width ?? 0;
    if (before !== this.#narrow) this.requestUpdate();
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
    this.#window.resize(this.#rows.length, this.#narrow ? NARROW_ROW_PX : ROW_PX);
  }

  /**
   * Arranges the rows. While the pointer is on a row, rows change without moving, so that a click hits the row that was
   * pointed at.
   */
  #arrange(mayMove: boolean): void {
    const listed = list(this.model.rows, this.listing, this.clock.now());
    this.#rows = mayMove ? listed : inPlace(this.#rows, listed, this.model.rows);
  }

  /** True if there is no space for columns. */
  get #narrow(): boolean {
    const optional = (this.model.hasCosts ? 1 : 0) + (this.model.retried > 0 ? 1 : 0);
    return this.#widthPx < COLUMNS_PX + optional * OPTIONAL_PX;
  }

  #onLeave(): void {
    this.#isPointed = false;
    this.#arrange(true);
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const { strings: s, listing } = this;
    const change = (to: Partial<Listing>): void => this.#list(to);
    const shown = { shown: this.#rows.length, total: this.model.known };
    const { first, end } = this.#window.drawn;
    const active = this.#place();
    const columns = columnsOf(this.model);
    const keys = columns.map(({ key }) => key);
    const layout = [
      ...(this.#narrow ? ['narrow'] : []),
      ...(['attempt', 'cost'] as const).filter(key => !keys.includes(key)).map(key => `no-${key}`),
    ];
    return html`
      ${subtaskFilter(s, listing, shown, change)}
      <div
        class="grid ${layout.join(' ')}"
        role="grid"
        tabindex="0"
        aria-label=${s.subtasksLabel}
        aria-rowcount=${this.#rows.length + 1}
        aria-colcount=${columns.length}
        aria-activedescendant=${active >= first && active < end ? `row-${this.selected}` : nothing}
        @keydown=${this.#onKey}
      >
        <div role="rowgroup">${columnHeadings(columns, s, listing, change)}</div>
        <div
          class="body"
          role="rowgroup"
          @scroll=${this.#window.onScroll}
          @pointerenter=${() => (this.#isPointed = true)}
          @pointerleave=${this.#onLeave}
        >
          <div class="rows" role="presentation">
            ${repeat(
              this.#rows.slice(first, end),
              row => row.index,
              (row, at) => this.#row(row, first + at, keys),
            )}
          </div>
          <div class="spacer" role="presentation"></div>
        </div>
      </div>
      ${this.#rows.length === 0 ? html`<div class="none">${this.#emptyWord()}</div>` : nothing}
    `;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('selected') || changed.has('listing')) this.#window.reveal(this.#place());
    this.#tickLater();
  }

  #elements(): RowWindowElements | null {
    const [body, rows, spacer] = ['.body', '.rows', '.spacer'].map(name =>
      this.renderRoot.querySelector<HTMLElement>(name),
    );
    return body == null || rows == null || spacer == null ? null : { body, rows, spacer };
  }

  #row(row: ChildRow, place: number, columns: RowContext['columns']): TemplateResult {
    return subtaskRow(row, {
      strings: this.strings,
      now: this.clock.now(),
      narrow: this.#narrow,
      columns,
      place,
      selected: row.index === this.selected,
      choose: () => this.dispatchEvent(new RowChosen(row.index)),
      showOutput: () => this.#do('output', row),
    });
  }

  #emptyWord(): string {
    return this.model.known === 0 ? this.strings.noSubtasks : this.strings.filterNone;
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.composedPath()[0] as HTMLElement;
    if (target.closest('.header') !== null) return onHeadingKey(event, this.renderRoot);
    const to = this.#destination(event.key);
    const action = KEY_ACTIONS[event.key];
    const row = this.#rows[this.#place()];
    if (to !== undefined) this.#go(to);
    else if (action !== undefined && row !== undefined) this.#do(action, row);
    else return;
    event.preventDefault();
  }

  /** Returns the row that a key moves to; undefined if the key does not move. */
  #destination(key: string): ChildRow | undefined {
    const place = this.#place();
    const last = this.#rows.length - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: place + 1,
      ArrowUp: place - 1,
      PageDown: place + this.#window.page,
      PageUp: place - this.#window.page,
      Home: 0,
      End: last,
    };
    const to = moves[key];
    return to === undefined ? undefined : this.#rows[Math.min(last, Math.max(0, to))];
  }

  /** Selects the row at once. A key that is held down continues from this row, not from the last drawn one. */
  #go({ index }: ChildRow): void {
    this.selected = index;
    this.dispatchEvent(new RowChosen(index));
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

  /** Draws elapsed times of running subtasks again each second. */
  #tickLater(): void {
    if (!this.moving || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.requestUpdate();
    }, 1000);
  }
}

customElements.define('fleet-subtasks', SubtasksElement);
