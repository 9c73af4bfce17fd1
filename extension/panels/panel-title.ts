import type { TaskDocument } from '../../engine/contract/documents.ts';
import { oneLine } from '../../engine/contract/format.ts';
import { runText } from '../../engine/contract/run-name.ts';

/** The most characters of a goal in the title of a tab. */
const GOAL_CHARS = 32;

/** Returns the title of a task's tab: the name of its run, or else its goal and its alias. */
export const panelTitle = ({ run, goal, alias }: Pick<TaskDocument, 'run' | 'goal' | 'alias'>): string =>
  run != null ? runText(run) : goal === alias ? alias : `${oneLine(goal, GOAL_CHARS)} · ${alias}`;
