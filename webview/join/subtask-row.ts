import { html, nothing, type TemplateResult } from 'lit';
import { duration, totalCost } from '../../engine/contract/format.ts';
import { lookIcon } from '../components/icon.ts';
import { costOf, elapsedOf, titleOf, unknownCostsOf } from '../model/fan-out.ts';
import { lookOf, wordOf } from '../model/looks.ts';
import type { ChildRow } from '../protocol.ts';
import { fill, type ViewStrings } from '../strings.ts';
import type { columnsOf } from './subtask-columns.ts';
import { actionButton, ROW_ACTIONS } from './row-actions.ts';

/** The context of a row. */
export interface RowContext {
  readonly strings: ViewStrings;
  /** The present time in seconds. */
  readonly now: number;
  /** True if there is no space for columns. */
  readonly narrow: boolean;
  readonly columns: ReturnType<typeof columnsOf>[number]['key'][];
  /** The position among the listed rows, from 0. */
  readonly place: number;
  readonly selected: boolean;
  choose(): void;
  showOutput(): void;
}

/** Returns the row of one subtask. */
export function subtaskRow(row: ChildRow, context: RowContext): TemplateResult {
  const { strings: s, now, place, selected } = context;
  const look = lookOf(row);
  const elapsed = elapsedOf(row, now);
  const has = (key: RowContext['columns'][number]): boolean => context.columns.includes(key);
  const reason = reasonOf(row, s);
  return html`<div
    id="row-${row.index}"
    class="line row"
    role="row"
    aria-rowindex=${place + 2}
    aria-selected=${selected}
    @click=${() => context.choose()}
    @dblclick=${() => context.showOutput()}
  >
    <div class="cell-index end muted" role="gridcell">${row.index}</div>
    <div
      class="cell-title"
      role="gridcell"
      title=${titleOf(row) === row.goal ? row.goal : `${titleOf(row)}\n${row.goal}`}
    >
      ${titleOf(row)}
    </div>
    <div class="cell-state state" role="gridcell">
      ${lookIcon(look)}
      <span>${s[wordOf(look)]}</span>
    </div>
    <div class="cell-worker" role="gridcell">${workerCell(row, context, reason)}</div>
    ${
      has('attempt')
        ? html`<div class="cell-attempt end" role="gridcell">${row.attempt === 0 ? '' : row.attempt}</div>`
        : nothing
    }
    <div class="cell-elapsed end" role="gridcell">${elapsed === null ? '–' : duration(elapsed)}</div>
    ${has('cost') ? html`<div class="cell-cost end" role="gridcell">${costText(row)}</div>` : nothing}
    <div class="cell-reason reason" role="gridcell" title=${reason}>${reason}</div>
    <div class="cell-actions actions" role="gridcell">
      ${ROW_ACTIONS.map(action => actionButton(action, row, s, { words: false, tabindex: -1 }))}
    </div>
  </div>`;
}

/** Returns the cost of a subtask; empty where it had none. */
function costText(row: ChildRow): string {
  const [cost, unknown] = [costOf(row), unknownCostsOf(row)];
  return cost > 0 || unknown > 0 ? totalCost(cost, unknown) : '';
}

/** Returns the content of the worker's cell. In a narrow row, it includes the content of the missing columns. */
function workerCell(row: ChildRow, { strings, narrow }: RowContext, reason: string): string | typeof nothing {
  if (!narrow) return row.worker ?? nothing;
  const parts = [
    reason,
    row.attempt > 1 ? fill(strings.attempt, row.attempt) : null,
    costText(row),
    row.worker,
  ];
  return parts.filter(part => part !== null && part !== '').join(' · ');
}

function reasonOf(row: ChildRow, strings: ViewStrings): string {
  const follows = { accepted: null, failed: strings.followsFailed, always: strings.followsAlways }[row.when];
  const reason = row.needs_you ?? (row.reused == null ? row.reason : strings.reused);
  return [follows ?? (row.after_join ? strings.afterJoin : null), reason]
    .filter(part => part !== null)
    .join(' · ');
}
