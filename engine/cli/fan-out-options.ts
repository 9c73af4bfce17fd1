import { PRIORITIES } from '../contract/commands.ts';
import { choice, toggle } from './verb.ts';

/** The share of the slots that a fan-out gets beside others. */
export const PRIORITY_OPTION = choice(
  '--priority <level>',
  'Share of the slots while other work waits: critical, high, medium or low',
  PRIORITIES,
);

export const FORCE_OPTION = toggle(
  '--force',
  'Run every subtask, also where an accepted attempt could be reused',
);
