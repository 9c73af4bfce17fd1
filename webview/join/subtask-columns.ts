import { html, type TemplateResult } from 'lit';
import type { FanOutModel } from '../model/fan-out.ts';
import type { Listing, SortKey } from '../model/filter.ts';
import type { StringKey, ViewStrings } from '../strings.ts';

type ColumnKey = SortKey | 'reason' | 'actions';

/** The columns of the list, from left to right. */
const COLUMNS: readonly { readonly key: ColumnKey; readonly word: StringKey }[] = [
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

/** Returns the columns that have content: costs and attempts are left out where they say nothing. */
export function columnsOf({ hasCosts, retried }: Pick<FanOutModel, 'hasCosts' | 'retried'>): typeof COLUMNS {
  return COLUMNS.filter(({ key }) => (key === 'cost' ? hasCosts : key !== 'attempt' || retried > 0));
}

const NUMBERS: readonly ColumnKey[] = ['elapsed', 'cost', 'index', 'attempt'];

/** Returns the row of column headings. Choosing a heading sorts by its column; choosing it again reverses the order. */
export function columnHeadings(
  columns: typeof COLUMNS,
  strings: ViewStrings,
  listing: Listing,
  change: (change: Partial<Listing>) => void,
): TemplateResult {
  return html`<div class="line header" role="row" aria-rowindex="1">
    ${columns.map(({ key, word }) => {
      if (key === 'reason') return html`<div class="cell-reason" role="columnheader">${strings[word]}</div>`;
      if (key === 'actions')
        return html`<div class="cell-actions" role="columnheader">
          <span class="hidden">${strings[word]}</span>
        </div>`;
      return sortHeading(key, strings[word], listing, change);
    })}
  </div>`;
}

function sortHeading(
  key: SortKey,
  text: string,
  { sort, descending }: Listing,
  change: (change: Partial<Listing>) => void,
): TemplateResult {
  const isSorted = sort === key;
  const order = !isSorted ? 'none' : descending ? 'descending' : 'ascending';
  return html`<div
    class="cell-${key} ${NUMBERS.includes(key) ? 'end' : ''}"
    role="columnheader"
    aria-sort=${order}
  >
    <button
      tabindex=${isSorted ? 0 : -1}
      @click=${() => change({ sort: key, descending: isSorted && !descending })}
    >
      ${text}
    </button>
  </div>`;
}

/** Moves the focus between the headings with the arrow keys. */
export function onHeadingKey(event: KeyboardEvent, root: ParentNode): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const buttons = [...root.querySelectorAll<HTMLButtonElement>('.header button')];
  buttons[buttons.indexOf(event.composedPath()[0] as HTMLButtonElement) + step]?.focus();
  event.preventDefault();
}
