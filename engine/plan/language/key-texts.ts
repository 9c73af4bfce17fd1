/** The meanings of a plan's keys, in a sentence or two of Markdown; for people who write a plan. */
export const PLAN_KEY_TEXTS: Readonly<Record<string, string>> = {
  goal: 'What all of it is for. It becomes the goal of the task.',
  namespace:
    'Where the work is done, such as `web/ci`. What that namespace and those above it allow holds for every subtask.',
  dir: 'The folder of subtasks that name none. A relative one is told from the folder of this file.',
  subtasks: 'What is to be done, each by a worker of the fleet. At least one.',
  join: 'When the whole counts as done: `all`, `any`, `k_of_n:K`, or a CEL expression over the subtasks, such as `failed == 0 && cost_usd < 5.0`.',
  losers: 'What becomes of the subtasks that are left when the join is decided: `keep`, `drain` or `cancel`.',
  timeout: 'How many seconds the join may take.',
  budget: 'How many dollars all subtasks may cost together. Each of them then names its share.',
  'budget-tokens': 'How many tokens all subtasks may take together. Each of them then names its share.',
  'budget-secs': 'How many seconds all subtasks may take together. Each of them then names its share.',
  env: 'Variables that all subtasks find in their environment. They are recorded; a secret is named: `${{ env.NAME }}`.',
};

export const SUBTASK_KEY_TEXTS: Readonly<Record<string, string>> = {
  goal: 'What is to be done. Where it is missing the prompt is taken, and else the name.',
  prompt: 'What an agent is told to do. The same as `goal`, which counts more.',
  name: 'What other subtasks depend on, and what is shown. Each is there once.',
  target: 'Which worker does it: `worker-a`, `specific:DID`, `least-loaded-worker` or `round-robin`.',
  run: 'A command line for `/bin/sh`. Of several lines, the first that fails ends it. A placeholder stands for a quoted variable.',
  executor: 'What does it: `echo`, `shell`, or an agent such as `agent:claude`. With `run` it is the shell.',
  dir: 'The folder it runs in. A relative one is told from the folder of this file.',
  budget: 'Its share of the dollars of the plan. An attempt that passes it is ended.',
  'budget-tokens': 'Its share of the tokens of the plan. An attempt that passes it is ended.',
  'budget-secs': 'Its share of the seconds of the plan. An attempt that passes it is ended.',
  timeout:
    'How many seconds one attempt may take; as long as it needs where nothing says: neither this, `[fleet] timeout_secs` nor a policy.',
  attempts: 'How often it may be started.',
  env: 'Variables of its own. They are recorded; a secret is named: `${{ env.NAME }}`, read when an attempt begins.',
  isolation: '`folder` for the folder itself, or `worktree` for a git worktree of its own.',
  depends: 'What must be accepted first: names of subtasks, or patterns such as `test-*`.',
  when: '`accepted`, or `failed` or `always` for a follow-up: it is outside the join, and starts once all that it depends on has ended, with `failed` only if some of that did not accept.',
  matrix:
    'Makes a subtask of each combination of these values, which stand where `${{ matrix.KEY }}` is written.',
};

export const LOSERS_TEXTS: Readonly<Record<string, string>> = {
  keep: 'They run on, and are not counted.',
  drain: 'Those that run finish; no more start.',
  cancel: 'They are ended.',
};

/** The names that a CEL expression of a join may use, with a sentence each. */
export const JOIN_TEXTS: Readonly<Record<string, string>> = {
  total: 'How many subtasks there are.',
  accepted: 'How many were accepted.',
  rejected: 'How many were rejected.',
  failed: 'How many failed.',
  timed_out: 'How many took too long.',
  cancelled: 'How many were cancelled.',
  running: 'How many run: none, once the expression is asked.',
  pending: 'How many have not begun: none, once the expression is asked.',
  cost_usd: 'What it cost, in dollars.',
  wall_time_secs: 'How long it took, in seconds.',
  children: 'The subtasks, as a list.',
  parent: 'The task that was fanned out.',
  now: 'When the last subtask ended.',
  index: 'Its place in the list, from 0.',
  name: 'Its name; empty where it has none.',
  goal: 'What was to be done.',
  thread: 'The thread of its records.',
  worker: 'Who did it.',
  verdict: '`accept`, `reject`, `failed`, `timeout` or `cancelled`.',
  exit_code: 'That of its command; -1 where it had none.',
  summary: 'What it says of its outcome.',
  attempt: 'How often it was started.',
  alias: 'The short name of the task.',
  record: 'The id of the record that opened the fan-out.',
  all: 'Whether it holds of every one: `children.all(c, c.verdict == "accept")`.',
  exists: 'Whether it holds of one at least: `children.exists(c, c.attempt > 1)`.',
  exists_one: 'Whether it holds of just one.',
  filter: 'Those of which it holds: `children.filter(c, c.exit_code == 0).size()`.',
  map: 'A value of each: `children.map(c, c.name)`.',
  size: 'How many there are.',
};
