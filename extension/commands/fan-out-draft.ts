import type { FanOutRequest, Losers } from '../../engine/contract/commands.ts';

/** One subtask as it is being put together. */
export interface DraftSubtask {
  readonly goal: string;
  /** By which it is run, such as `shell` or `agent:claude`. */
  readonly executor: string;
  /** A command line for the shell; null for any other executor. */
  readonly run: string | null;
  readonly target: string;
  /** 0-based. */
  readonly dependsOn: readonly number[];
}

/** A fan-out as it is being put together. Each change makes a new one. */
export interface FanOutDraft {
  readonly subtasks: readonly DraftSubtask[];
  readonly join: string;
  readonly losers: Losers;
  readonly timeoutSecs: number | null;
}

export const EMPTY_DRAFT: FanOutDraft = { subtasks: [], join: 'all', losers: 'drain', timeoutSecs: null };

/** The draft with this subtask at the end, or in the place of the one at `index`. */
export function withSubtask(draft: FanOutDraft, subtask: DraftSubtask, index?: number): FanOutDraft {
  const subtasks =
    index === undefined
      ? [...draft.subtasks, subtask]
      : draft.subtasks.map((each, i) => (i === index ? subtask : each));
  return { ...draft, subtasks };
}

/** The draft without the subtask at `index`; those that depended on it depend on it no more. */
export function withoutSubtask(draft: FanOutDraft, index: number): FanOutDraft {
  const subtasks = draft.subtasks
    .filter((_, i) => i !== index)
    .map(subtask => ({
      ...subtask,
      dependsOn: subtask.dependsOn.filter(on => on !== index).map(on => (on > index ? on - 1 : on)),
    }));
  return { ...draft, subtasks };
}

/** The body that the engine takes. Each subtask says what runs it, whatever the fleet's default. */
export function requestOf(draft: FanOutDraft): FanOutRequest {
  return {
    subtasks: draft.subtasks.map(({ goal, executor, run, target, dependsOn }) => ({
      goal,
      target,
      depends_on: dependsOn,
      executor,
      ...(run === null ? {} : { run }),
    })),
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
