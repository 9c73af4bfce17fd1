import { css } from 'lit';

/** The style sheet of the list of subtasks: a table, or two lines per row if it is narrow. */
export const subtasksStyles = css`
  .grid {
    --index: 44px;
    --attempt: 64px;
    --cost: 76px;
  }
  .no-attempt {
    --attempt: ;
  }
  .no-cost {
    --cost: ;
  }
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
  select {
    width: 150px;
    height: 26px;
    padding: 0 4px;
    border: 1px solid var(--vscode-settings-dropdownBorder, var(--fleet-rule));
    border-radius: 4px;
    background: var(--vscode-settings-dropdownBackground, var(--fleet-surface));
    color: var(--vscode-settings-dropdownForeground, var(--fleet-text));
    font: inherit;
  }
  .shown {
    margin-left: auto;
    padding: 0 4px;
    font-size: 12px;
  }
  .line {
    display: grid;
    position: relative;
    grid-template-columns:
      var(--index) minmax(120px, 1fr) 104px minmax(76px, 96px) var(--attempt) 72px var(--cost)
      minmax(120px, 1.6fr);
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
  .row[aria-selected='true'] :is(.reason, .muted, .cell-worker) {
    color: inherit;
  }
  /* Over the end of the reason, which has the whole width without them. */
  .line > .cell-actions {
    position: absolute;
    right: 6px;
    display: flex;
    padding: 0 0 0 6px;
    visibility: hidden;
    border-radius: 4px;
    background: var(--fleet-surface);
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
    grid-template-columns: var(--index) minmax(0, 1fr) auto auto;
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
    grid-area: 2 / 2 / 3 / 5;
    font-size: 12px;
    color: var(--fleet-muted);
  }
  .narrow .cell-attempt,
  .narrow .cell-cost,
  .narrow .cell-reason {
    display: none;
  }
  .narrow .line > .cell-actions {
    bottom: 1px;
  }
  .narrow .header {
    grid-template-rows: 24px;
  }
  .narrow .header .cell-worker,
  .narrow .header .cell-actions {
    display: none;
  }
`;
