import type * as v from 'valibot';
import { fanOutSchema, ISOLATIONS, LOSERS, subtaskSchema, WHENS } from '../contract/commands.ts';
import { BODY_KEYS } from './descriptor.ts';

/** The keys of a plan as they are written, and those of the fan-out's body. */
export const PLAN_KEYS = {
  goal: 'goal',
  namespace: 'namespace',
  dir: 'dir',
  subtasks: 'subtasks',
  join: 'join',
  losers: 'losers',
  timeout: 'timeout_secs',
  budget: 'budget_usd',
  'budget-tokens': 'budget_tokens',
  'budget-secs': 'budget_secs',
  env: 'env',
} as const;

const { depends: _byName, ...standing } = BODY_KEYS;
/** The keys of a subtask that stand for themselves, and those of its body; what it depends on is said by name in a plan. */
export const SUBTASK_KEYS = standing;

/** The limits of a plan, of which each subtask names its shares. */
export const LIMIT_KEYS = ['budget', 'budget-tokens', 'budget-secs'] as const;

export const PLAN_KEY_NAMES: readonly string[] = Object.keys(PLAN_KEYS);
export const SUBTASK_KEY_NAMES: readonly string[] = [
  ...Object.keys(SUBTASK_KEYS),
  'prompt',
  'depends',
  'matrix',
];

/** The values that may be written without quotes whatever they look like. */
const TEXTS: ReadonlySet<string> = new Set([
  'goal',
  'name',
  'target',
  'run',
  'executor',
  'dir',
  'isolation',
  'when',
  'namespace',
  'join',
  'losers',
]);
export const isText = (key: string): boolean => TEXTS.has(key);

/** The words that a key's value must be one of; none where it may be anything. */
export function choicesOf(key: string): readonly string[] {
  if (key === 'losers') return LOSERS;
  if (key === 'when') return WHENS;
  return key === 'isolation' ? ISOLATIONS : [];
}

/** Returns the schema of the value of a plan's key, as in the body of a fan-out. */
export function planSchemaOf(key: string): v.GenericSchema {
  const bodyKey = PLAN_KEYS[key as keyof typeof PLAN_KEYS];
  // A folder may still be relative, and a goal is that of the task.
  if (bodyKey === 'goal') return subtaskSchema.entries.goal;
  return bodyKey === 'dir' ? subtaskSchema.entries.name : fanOutSchema.entries[bodyKey];
}

/** Returns the schema of the value of a subtask's key, as in its body. */
export function subtaskSchemaOf(key: string): v.GenericSchema {
  const bodyKey = SUBTASK_KEYS[key as keyof typeof SUBTASK_KEYS];
  return bodyKey === 'dir' ? subtaskSchema.entries.name : subtaskSchema.entries[bodyKey];
}
