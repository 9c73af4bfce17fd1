import { MAX_SUBTASKS } from '../contract/commands.ts';
import type { Range } from './verb.ts';

/** What `--subtask I` may be. */
export const SUBTASK_RANGE: Range = { min: 0, max: MAX_SUBTASKS - 1, whole: true };
