import type { FanOutRequest, TaskAdd } from '../commands.ts';

/** A task with only a goal. */
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

/** A fan-out without limits. The test adds the subtasks. */
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
