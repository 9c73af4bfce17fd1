import { html, type TemplateResult } from 'lit';
import { icon, type IconName } from '../components/icon.ts';
import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import type { ChildRow } from '../protocol.ts';
import { fill, type ViewStrings } from '../strings.ts';
import { titleOf } from '../model/fan-out.ts';

export type RowAction = 'output' | 'retry' | 'cancel';

/** Reports the chosen action on a subtask. */
export class ActionChosen extends Event {
  static readonly type = 'action-chosen';
  readonly action: RowAction;
  readonly index: number;

  constructor(action: RowAction, index: number) {
    super(ActionChosen.type, { bubbles: true, composed: true });
    this.action = action;
    this.index = index;
  }
}

export const ROW_ACTIONS: readonly RowAction[] = ['output', 'retry', 'cancel'];

const ICONS: Readonly<Record<RowAction, IconName>> = {
  output: 'output',
  retry: 'refresh',
  cancel: 'stopCircle',
};

/** Returns false for an action that the engine would refuse at once. */
export function mayDo(action: RowAction, row: ChildRow): boolean {
  switch (action) {
    case 'output':
      return row.started_unix !== null || row.state === 'done' || row.earlier_attempts.length > 0;
    case 'retry':
      return isUnaccepted(row);
    case 'cancel':
      return row.state !== 'done';
  }
}

/**
 * Returns the button of an action. @param words shows the word beside the icon; without it, the name is a label and a
 * tooltip
 */
export function actionButton(
  action: RowAction,
  row: ChildRow,
  strings: ViewStrings,
  { words, tabindex }: { words: boolean; tabindex: 0 | -1 },
): TemplateResult {
  const name = fill(strings[`${action}Of`], titleOf(row));
  return html`<button
    class="tool"
    title=${name}
    aria-label=${name}
    tabindex=${tabindex}
    ?disabled=${!mayDo(action, row)}
    @click=${(event: Event) => {
      event.stopPropagation();
      event.target?.dispatchEvent(new ActionChosen(action, row.index));
    }}
  >
    ${icon(ICONS[action])}${words ? strings[action] : ''}
  </button>`;
}
