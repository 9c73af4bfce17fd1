import { variableNameSchema, variableSchema } from '../subtask/variables.ts';
import type { Variables } from '../subtask/variables.ts';
import type { Entry, PlanText, Written } from './plan-text.ts';

/**
 * Reads the variables of a key `env`, each with its place. Undefined, with a diagnostic, if the value is not a mapping.
 */
export function readEnv(plan: PlanText, { node, range }: Entry): ReadonlyMap<string, Written> | undefined {
  const entries = plan.entriesOf(node, 'env', range);
  if (entries === null) return undefined;
  const variables = new Map<string, Written>();
  for (const { key, keyRange, node: value, range: place } of entries) {
    const written = plan.textOf(value, `env.${key}`, place);
    const isName = plan.checked(`env.${key}`, key, variableNameSchema, keyRange) !== undefined;
    if (written !== null && isName) variables.set(key, written);
  }
  return variables;
}

/** Returns the values of variables. They are checked as they are filled in. */
export function valuesOf(
  plan: PlanText,
  variables: ReadonlyMap<string, Written>,
  fill: (text: string) => string = text => text,
): Variables {
  const values: Record<string, string> = {};
  for (const [name, { value, range }] of variables) {
    const filled = fill(value);
    if (plan.checked(`env.${name}`, filled, variableSchema, range) !== undefined) values[name] = filled;
  }
  return values;
}
