import { MATRIX_PLACEHOLDER, variableOf, type Combination } from './matrix.ts';
import { isLiteral } from './results.ts';
import type { CompleteSubtask } from './subtask.ts';

/** The members that a matrix over results fills in. A command finds the values in variables. */
type Waiting = Pick<CompleteSubtask, 'goal' | 'name' | 'dir' | 'inputs' | 'outputs' | 'env'>;

/** Returns the texts of a subtask that may have placeholders of a matrix over results, by their members. */
export function textsWithMatrix(
  subtask: Waiting,
): readonly (readonly [field: keyof Waiting, text: string])[] {
  const { goal, name, dir, inputs, outputs, env } = subtask;
  const variables = Object.entries(env ?? {}).filter(([variable]) => !isLiteral(variable));
  return [
    ['goal', goal],
    ...(name === null ? [] : [['name', name] as const]),
    ...(dir === null ? [] : [['dir', dir] as const]),
    ...(inputs ?? []).map(each => ['inputs', each] as const),
    ...(outputs ?? []).map(each => ['outputs', each] as const),
    ...variables.map(([, value]) => ['env', value] as const),
  ];
}

/** Returns the subtask that a template becomes for one combination of its matrix. */
export function filledSubtask(template: CompleteSubtask, combination: Combination): CompleteSubtask {
  const fill = (text: string): string =>
    text.replace(MATRIX_PLACEHOLDER, (placeholder, key: string) => combination.get(key) ?? placeholder);
  const { goal, name, dir, inputs, outputs, env, run } = template;
  const filled = Object.entries(env ?? {}).map(([variable, value]) => [
    variable,
    isLiteral(variable) ? value : fill(value),
  ]);
  const own = run === null ? [] : Array.from(combination, ([key, value]) => [variableOf(key), value]);
  return {
    ...template,
    goal: fill(goal),
    name: name && fill(name),
    dir: dir && fill(dir),
    inputs: inputs && inputs.map(fill),
    outputs: outputs && outputs.map(fill),
    env:
      filled.length + own.length === 0
        ? env
        : (Object.fromEntries([...filled, ...own]) as Record<string, string>),
    matrix: null,
  };
}
