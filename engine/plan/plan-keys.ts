import * as v from 'valibot';
import { fanOutSchema, LOSERS, PRIORITIES } from '../contract/commands.ts';
import { BODY_KEYS, subtaskSchema } from '../subtask/subtask.ts';
import { ROWS, type WrittenKey } from '../subtask/table.ts';

const fanOut = fanOutSchema.entries;

/** The keys of a whole plan, one row each. */
const PLAN_ROWS = [
  {
    key: 'goal',
    field: 'goal',
    kind: 'text',
    schema: subtaskSchema.entries.goal,
    summary: 'what all of it is for; the goal of the task',
    help: 'What all of it is for. It becomes the goal of the task.',
  },
  {
    key: 'namespace',
    field: 'namespace',
    kind: 'text',
    schema: fanOut.namespace,
    summary: 'where the work is done, such as `web/ci`',
    help: 'Where the work is done, such as `web/ci`. What that namespace and those above it allow holds for every subtask.',
  },
  {
    key: 'dir',
    field: 'dir',
    kind: 'text',
    // A relative folder is valid too.
    schema: subtaskSchema.entries.name,
    summary: 'the folder of subtasks that name none',
    help: 'The folder of subtasks that name none. A relative one is told from the folder of this file.',
  },
  {
    key: 'params',
    field: null,
    kind: 'params',
    schema: v.unknown(),
    summary: 'values that `--param NAME=VALUE` gives, [each with its default](#params)',
    help: 'Values that `--param NAME=VALUE` gives, which stand where `${{ params.NAME }}` is written. Each has a default, or `default` and `description`; one without a default must be given.',
  },
  {
    key: 'subtasks',
    field: 'subtasks',
    kind: 'subtasks',
    schema: fanOut.subtasks,
    summary: 'the subtasks, at least one',
    help: 'What is to be done, each by a worker of the fleet. At least one.',
  },
  {
    key: 'join',
    field: 'join',
    kind: 'text',
    schema: fanOut.join,
    summary: 'when the fan-out is satisfied: `all`, `any`, `k_of_n:K`, or a CEL expression',
    help: 'When the whole counts as done: `all`, `any`, `k_of_n:K`, or a CEL expression over the subtasks, such as `failed == 0 && cost_usd < 5.0`.',
  },
  {
    key: 'losers',
    field: 'losers',
    kind: 'choice',
    choices: LOSERS,
    schema: fanOut.losers,
    summary: 'what becomes of the rest at the join: `drain`, `keep` or `cancel`',
    help: 'What becomes of the subtasks that are left when the join is decided: `keep`, `drain` or `cancel`.',
  },
  {
    key: 'priority',
    field: 'priority',
    kind: 'choice',
    choices: PRIORITIES,
    schema: fanOut.priority,
    summary: 'how many slots it gets beside other work: `critical`, `high`, `medium` or `low`',
    help: 'How many slots it gets while other work waits too: `critical` gets 8 for 1 of `low`, `high` 4, `medium` 2. Default: that of the task, which is `medium`.',
  },
  {
    key: 'timeout',
    field: 'timeout_secs',
    kind: 'seconds',
    schema: fanOut.timeout_secs,
    summary: 'how many seconds the join may take',
    help: 'How many seconds the join may take.',
  },
  {
    key: 'budget',
    field: 'budget_usd',
    kind: 'amount',
    schema: fanOut.budget_usd,
    summary: 'how many dollars all subtasks may cost together',
    help: 'How many dollars all subtasks may cost together. Each of them then names its share.',
  },
  {
    key: 'budget-tokens',
    field: 'budget_tokens',
    kind: 'amount',
    schema: fanOut.budget_tokens,
    summary: 'how many tokens all subtasks may take together',
    help: 'How many tokens all subtasks may take together. Each of them then names its share.',
  },
  {
    key: 'budget-secs',
    field: 'budget_secs',
    kind: 'amount',
    schema: fanOut.budget_secs,
    summary: 'how many seconds all subtasks may take together',
    help: 'How many seconds all subtasks may take together. Each of them then names its share.',
  },
  {
    key: 'env',
    field: 'env',
    kind: 'variables',
    schema: fanOut.env,
    summary: 'variables that all subtasks find in their environment',
    help: 'Variables that all subtasks find in their environment. They are recorded; a secret is named: `${{ env.NAME }}`.',
  },
] as const satisfies readonly WrittenKey[];

/** The keys of a param. */
export const PARAM_KEY_NAMES = ['default', 'description'] as const;

/** Keys by their names. */
export type Keys = ReadonlyMap<string, WrittenKey>;

const byName = (rows: readonly WrittenKey[]): Keys => new Map(rows.map(row => [row.key, row]));

export const PLAN_KEYS = byName(PLAN_ROWS);

/** The keys of a subtask in a plan. Keys that only a plan reads differently are at the end. */
const READ_APART: readonly string[] = ['prompt', 'depends', 'matrix'];
export const SUBTASK_KEYS = byName([
  ...ROWS.filter(({ key }) => !READ_APART.includes(key)),
  ...ROWS.filter(({ key }) => READ_APART.includes(key)),
]);

export const PLAN_KEY_NAMES: readonly string[] = [...PLAN_KEYS.keys()];
export const SUBTASK_KEY_NAMES: readonly string[] = [...SUBTASK_KEYS.keys()];

/** The limits of a plan. Each subtask names its shares of them. */
export const LIMIT_KEYS = ['budget', 'budget-tokens', 'budget-secs'] as const;

/** Returns true for values that need no quotes, whatever they look like. */
export const isText = ({ kind }: WrittenKey): boolean => kind === 'text' || kind === 'choice';

/** Returns the key that people write for a member of a subtask's body. */
export const keyOfField = (field: string): string | undefined =>
  BODY_KEYS.find(row => row.field === field)?.key;
