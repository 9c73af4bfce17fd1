import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import { html, type TemplateResult } from 'lit';
import type { Listing } from '../model/filter.ts';
import { LOOKS, wordOf } from '../model/looks.ts';
import { fill, type ViewStrings } from '../strings.ts';

const STATES = ['all', 'unaccepted', ...LOOKS] as const;

/** The number of rows that pass the filter, and the number of all rows. */
export interface Shown {
  readonly shown: number;
  readonly total: number;
}

/** Returns the bar above the list: a text, a state, and the number of rows that pass. */
export function subtaskFilter(
  strings: ViewStrings,
  listing: Listing,
  { shown, total }: Shown,
  change: (change: Partial<Listing>) => void,
): TemplateResult {
  const onState = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    change({ state: STATES.find(state => state === value) ?? 'all' });
  };
  return html`<div class="filter">
    <vscode-textfield
      type="search"
      .label=${strings.filterText}
      placeholder=${strings.filterText}
      .value=${listing.text}
      @input=${(event: Event) => change({ text: (event.target as HTMLInputElement).value })}
    ></vscode-textfield>
    <select aria-label=${strings.filterState} .value=${listing.state} @change=${onState}>
      ${STATES.map(
        state =>
          html`<option value=${state} ?selected=${state === listing.state}>
            ${stateWord(state, strings)}
          </option>`,
      )}
    </select>
    <span class="shown muted number">${fill(strings.filterShown, String(shown), String(total))}</span>
  </div>`;
}

function stateWord(state: (typeof STATES)[number], strings: ViewStrings): string {
  if (state === 'all') return strings.filterAll;
  return state === 'unaccepted' ? strings.filterUnaccepted : strings[wordOf(state)];
}
