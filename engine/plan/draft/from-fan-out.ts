import { relative } from 'node:path';
import * as v from 'valibot';
import { LOSERS } from '../../contract/commands.ts';
import { FleetError } from '../../errors.ts';
import { readSubtasks } from '../../subtask/encoding.ts';
import { USUAL, type CompleteSubtask } from '../../subtask/subtask.ts';
import { FREE_CHOICE, targetText } from '../../subtask/target.ts';
import { combinations, variableOf } from '../../subtask/matrix.ts';
import { patternOf } from '../language/patterns.ts';
import { filledIn, placeholders } from '../matrix.ts';
import { misplacedPlaceholders } from '../shell-places.ts';
import { PLAN_KEYS, SUBTASK_KEYS } from '../plan-keys.ts';
import { writePlan, type PlanEntries, type PlanValue } from './plan-writer.ts';

const object = v.looseObject({});
/** The body of the record that opens a fan-out, as far as a plan needs it. */
const bodySchema = v.looseObject({
  topic: v.literal('fanout'),
  defaults: object,
  subtasks: v.pipe(v.array(object), v.minLength(1)),
  join: v.string(),
  losers: v.picklist(LOSERS),
});

/** A fan-out that was made, as documents of the engine show it. */
export interface MadeFanOut {
  readonly alias: string;
  /** The goal of its task. */
  readonly goal: string;
  readonly namespace: string;
  /** The body of the record that opened it. */
  readonly body: unknown;
}

/**
 * Returns the text of a plan that makes the same fan-out again. Commands that a matrix made are one subtask again.
 * @param folder the absolute path of the plan's folder
 * @throws INVALID_RECORD for a body that this version cannot read
 */
export function planOfFanOut({ alias, goal, namespace, body }: MadeFanOut, folder: string): string {
  const result = v.safeParse(bodySchema, body);
  if (!result.success)
    throw new FleetError('INVALID_RECORD', `the fan-out of ${alias} can't be read as a plan`);
  const made = result.output;
  const subtasks = readSubtasks(made);
  const names = namesOf(subtasks);
  const dirs = new Set(subtasks.map(({ dir }) => dir));
  const [common = null] = dirs.size === 1 ? [...dirs] : [];
  const place = (dir: string): string => placeOf(dir, folder);
  const written = subtasks.map((subtask, index) =>
    entriesOf(subtask, index, names, common === null ? place : null),
  );
  return writePlan({
    head: [`The fan-out of ${alias}.`],
    entries: [
      ['goal', goal],
      ...(namespace === 'default' ? [] : [['namespace', namespace] as const]),
      ...(common === null ? [] : [['dir', place(common)] as const]),
      ...limitsOf(made),
    ],
    subtasks: folded(written).map(withoutEmpty),
    ending: [
      ['join', made.join],
      ['losers', made.losers],
    ],
  });
}

/** Returns the keys of the plan itself beside its goal, namespace, folder and join. */
function limitsOf(body: Readonly<Record<string, unknown>>): PlanEntries {
  const others = [...PLAN_KEYS.values()].filter(
    ({ key }) => !['goal', 'namespace', 'dir', 'subtasks', 'join', 'losers'].includes(key),
  );
  return others.flatMap(({ key, field }) => {
    const value = body[field!];
    return value == null ? [] : [[key, value as PlanValue] as const];
  });
}

function placeOf(dir: string, folder: string): string {
  const place = relative(folder, dir);
  return place === '' ? '.' : place.startsWith('..') ? dir : place;
}

/** Returns the name of each subtask. One without a name that another depends on gets one. */
function namesOf(subtasks: readonly CompleteSubtask[]): readonly (string | null)[] {
  const needed = new Set(subtasks.flatMap(each => each.depends_on));
  const taken = new Set(subtasks.map(({ name }) => name));
  return subtasks.map(({ name }, index) => {
    if (name !== null || !needed.has(index)) return name;
    let own = `subtask-${index}`;
    while (taken.has(own)) own += '-';
    return own;
  });
}

/** @param place returns the folder of a subtask as the plan writes it; null where the plan names one for all */
function entriesOf(
  subtask: CompleteSubtask,
  index: number,
  names: readonly (string | null)[],
  place: ((dir: string) => string) | null,
): PlanEntries {
  const name = names[index]!;
  const { run, executor, goal } = subtask;
  const isAgent = executor.startsWith('agent:');
  const own: Readonly<Record<string, PlanValue | null>> = {
    name,
    goal: goal === name ? null : goal,
    target: targetText(subtask.target) === targetText(FREE_CHOICE) ? null : targetText(subtask.target),
    executor: run !== null && executor === 'shell' ? null : executor,
    dir: subtask.dir === null || place === null ? null : place(subtask.dir),
    depends: subtask.depends_on.length === 0 ? null : subtask.depends_on.map(each => patternOf(names[each]!)),
    isolation: (subtask.isolation === 'worktree') === isAgent ? null : subtask.isolation,
  };
  const keys = ['name', ...[...SUBTASK_KEYS.keys()].filter(key => key !== 'name')];
  return keys.flatMap(key => {
    const { field } = SUBTASK_KEYS.get(key)!;
    if (field === null) return [];
    const value = Object.hasOwn(own, key) ? own[key] : usualOrNot(subtask, field as keyof CompleteSubtask);
    return value == null ? [] : [[key, value] as const];
  });
}

function usualOrNot(subtask: CompleteSubtask, field: keyof CompleteSubtask): PlanValue | null {
  const value = subtask[field] as PlanValue | null;
  return value === USUAL[field] ? null : value;
}

// --- the matrix -----------------------------------------------------------------------------------------------

const PREFIX = variableOf('');
/** The variable with the line of `spl run --each`. It becomes the key `item`. */
const ITEM = 'SPL_ITEM';

/** Returns the key of the matrix that a variable has the value of; null for any other variable. */
function keyOfVariable(name: string): string | null {
  if (name === ITEM) return 'item';
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
}

/** A subtask of a matrix with placeholders in place of its values. */
interface Template {
  readonly entries: PlanEntries;
  readonly values: ReadonlyMap<string, string>;
}

/** Folds neighbours that one matrix made into one subtask. What cannot be folded for certain stays as it is. */
function folded(subtasks: readonly PlanEntries[]): readonly PlanEntries[] {
  const templates = subtasks.map(templateOf);
  const all: PlanEntries[] = [];
  for (let at = 0; at < subtasks.length;) {
    let end = at + 1;
    const key = JSON.stringify(templates[at]?.entries);
    while (templates[at] !== null && end < subtasks.length && JSON.stringify(templates[end]?.entries) === key)
      end++;
    const group = templates.slice(at, end) as Template[];
    const one = templates[at] === null ? null : matrixOf(group, subtasks.slice(at, end));
    all.push(...(one === null ? subtasks.slice(at, end) : [one]));
    at = end;
  }
  return all;
}

function templateOf(entries: PlanEntries): Template | null {
  // A matrix over results is already written.
  if (entries.some(([key]) => key === 'matrix')) return null;
  const env = entries.find(([key]) => key === 'env')?.[1] as Readonly<Record<string, string>> | undefined;
  const variables = Object.entries(env ?? {}).map(([name, value]) => ({
    name,
    key: keyOfVariable(name),
    value,
  }));
  const ofMatrix = variables.filter(({ key }) => key !== null);
  const values = new Map(ofMatrix.map(({ key, value }) => [key!, value]));
  if (values.size === 0 || values.size < ofMatrix.length) return null;
  // A value of a matrix has no control characters.
  if (ofMatrix.some(({ value }) => /\p{Cc}/u.test(value))) return null;
  const rest = Object.fromEntries(
    variables.filter(({ key }) => key === null).map(({ name, value }) => [name, value]),
  );
  const replaced = entries.map(
    ([key, value]) => [key, key === 'env' ? rest : templated(key, value, values)] as const,
  );
  return { entries: replaced, values };
}

function templated(key: string, value: PlanValue, values: ReadonlyMap<string, string>): PlanValue {
  if (Array.isArray(value)) return value.map(each => templated(key, each as string, values) as string);
  if (typeof value !== 'string') return value;
  let text = value;
  for (const [name, own] of values) {
    const placeholder = `\${{ matrix.${name} }}`;
    if (key === 'run')
      for (const variable of [variableOf(name), ...(name === 'item' ? [ITEM] : [])])
        text = text.replaceAll(`"$${variable}"`, () => placeholder);
    else if (['name', 'goal', 'dir', 'depends'].includes(key) && own !== '') {
      const at = text.lastIndexOf(own);
      if (at !== -1) text = text.slice(0, at) + placeholder + text.slice(at + own.length);
    }
  }
  return text;
}

/** Returns the one subtask that makes these; null if none does exactly that. */
function matrixOf(group: readonly Template[], originals: readonly PlanEntries[]): PlanEntries | null {
  const keys = [...group[0]!.values.keys()];
  const matrix = new Map(keys.map(key => [key, [...new Set(group.map(({ values }) => values.get(key)!))]]));
  const all = [...matrix.values()].reduce((count, values) => count * values.length, 1);
  const { entries } = group[0]!;
  if (group.length < 2 || all !== group.length || !isCommandOf(keys, entries)) return null;
  const isSame = combinations(matrix).every((combination, at) => {
    const given = originals[at]!.filter(([key]) => key !== 'env' && key !== 'run');
    const made = entries
      .filter(([key]) => key !== 'env' && key !== 'run')
      .map(([key, value]) => [key, filledValue(value, combination)]);
    return (
      keys.every(key => combination.get(key) === group[at]!.values.get(key)) &&
      JSON.stringify(made) === JSON.stringify(given)
    );
  });
  if (!isSame) return null;
  const [first, ...rest] = entries;
  return [first!, ['matrix', Object.fromEntries(matrix)], ...rest];
}

/** True if the command names each key of the matrix, at places for words. */
function isCommandOf(keys: readonly string[], entries: PlanEntries): boolean {
  const [, run] = entries.find(([key]) => key === 'run') ?? [];
  if (typeof run !== 'string') return false;
  const named = new Set(placeholders(run).map(({ key }) => key));
  return keys.every(key => named.has(key)) && misplacedPlaceholders(run).length === 0;
}

function filledValue(value: PlanValue, combination: ReadonlyMap<string, string>): PlanValue {
  if (Array.isArray(value)) return value.map(each => filledIn(each as string, combination));
  return typeof value === 'string' ? filledIn(value, combination) : value;
}

const withoutEmpty = (entries: PlanEntries): PlanEntries =>
  entries.filter(([key, value]) => key !== 'env' || Object.keys(value as object).length > 0);
