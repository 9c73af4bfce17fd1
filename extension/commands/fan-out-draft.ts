import type { FanOutRequest, Losers } from '../../engine/contract/commands.ts';
import { FORM_FIELDS, type FormField, type Subtask } from '../../engine/subtask/subtask.ts';

/** A subtask of a draft. It has a member for each key that the table marks for forms. */
export interface DraftSubtask extends Readonly<Pick<Subtask, Exclude<FormField, 'depends_on'>>> {
  /** The executor, such as `shell` or `agent:claude`. */
  readonly executor: string;
  /** 0-based. */
  readonly depends_on: readonly number[];
}

/** A draft of a fan-out. Each change makes a new one. */
export interface FanOutDraft {
  readonly subtasks: readonly DraftSubtask[];
  readonly join: string;
  readonly losers: Losers;
  readonly timeoutSecs: number | null;
}

export const EMPTY_DRAFT: FanOutDraft = { subtasks: [], join: 'all', losers: 'drain', timeoutSecs: null };

/** Returns the draft with this subtask at the end, or in place of the subtask at `index`. */
export function withSubtask(draft: FanOutDraft, subtask: DraftSubtask, index?: number): FanOutDraft {
  const subtasks =
    index === undefined
      ? [...draft.subtasks, subtask]
      : draft.subtasks.map((each, i) => (i === index ? subtask : each));
  return { ...draft, subtasks };
}

/** Returns the draft without the subtask at `index`, and without the dependencies on it. */
export function withoutSubtask(draft: FanOutDraft, index: number): FanOutDraft {
  const subtasks = draft.subtasks
    .filter((_, i) => i !== index)
    .map(subtask => ({
      ...subtask,
      depends_on: subtask.depends_on.filter(on => on !== index).map(on => (on > index ? on - 1 : on)),
    }));
  return { ...draft, subtasks };
}

/** Returns the request for the engine. Each subtask names its executor, whatever the fleet's default is. */
export function requestOf(draft: FanOutDraft): FanOutRequest {
  return {
    subtasks: draft.subtasks.map(subtask =>
      Object.fromEntries(
        FORM_FIELDS.flatMap(field => (subtask[field] === null ? [] : [[field, subtask[field]]])),
      ),
    ),
    join: draft.join,
    losers: draft.losers,
    timeout_secs: draft.timeoutSecs,
    budget_usd: null,
    budget_tokens: null,
    budget_secs: null,
    namespace: null,
    dir: null,
  };
}
