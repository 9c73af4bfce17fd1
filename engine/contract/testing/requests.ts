import type { FanOutRequest, TaskAdd } from '../commands.ts';

/** A task of which only the goal is said. */
export const BARE_TASK: TaskAdd = {
  goal: 'a goal',
  alias: null,
  priority: 'medium',
  labels: [],
  domain: null,
  hypothesis: null,
  criteria: [],
  namespace: null,
  dir: null,
};

/** A fan-out without limits, of which only the subtasks are still to be said. */
export const BARE_FAN_OUT: Omit<FanOutRequest, 'subtasks'> = {
  join: 'all',
  losers: 'keep',
  timeout_secs: null,
  budget_usd: null,
  budget_tokens: null,
  budget_secs: null,
  namespace: null,
  dir: null,
};
