import { FleetError } from '../errors.ts';
import { didYouMean, likeness } from '../domain/model/did-you-mean.ts';
import type { PlannedSubtask } from './plan.ts';

export { didYouMean, likeness, nearestName } from '../domain/model/did-you-mean.ts';

/**
 * Returns the subtasks of a plan that names and patterns choose, and those that they depend on, in their order.
 * @throws NOT_FOUND for a name or pattern that matches none
 */
export function picked(
  file: string,
  subtasks: readonly PlannedSubtask[],
  names: readonly string[],
): readonly PlannedSubtask[] {
  const wanted = new Set(names.flatMap(name => indicesOf(file, subtasks, name)));
  // A set yields what is added while it is read.
  for (const index of wanted) for (const on of dependenciesOf(subtasks[index]!)) wanted.add(on);
  const order = [...wanted].sort((a, b) => a - b);
  const places = new Map(order.map((index, place) => [index, place]));
  return order.map(index => {
    const subtask = subtasks[index]!;
    const depends = dependenciesOf(subtask).map(on => places.get(on)!);
    return depends.length === 0 ? subtask : { ...subtask, depends_on: depends };
  });
}

/** The dependencies in a plan's request are indices. */
const dependenciesOf = ({ depends_on: on = [] }: PlannedSubtask): readonly number[] =>
  on as readonly number[];

/** Returns the indices of the subtasks that a name or a pattern with `*` stands for. */
export function indicesNamed(subtasks: readonly PlannedSubtask[], name: string): readonly number[] {
  const exact = subtasks.findIndex(each => each.name === name);
  if (exact !== -1) return [exact];
  const isLike = name.includes('*') ? likeness(name) : () => false;
  return subtasks.flatMap((each, index) => (isLike(each.name ?? '') ? [index] : []));
}

function indicesOf(file: string, subtasks: readonly PlannedSubtask[], name: string): readonly number[] {
  const named = indicesNamed(subtasks, name);
  if (named.length > 0) return named;
  const known = subtasks.flatMap(each => each.name ?? []);
  throw new FleetError('NOT_FOUND', `'${file}' has no subtask '${name}'${didYouMean(name, known)}`, {
    details: { file, subtask: name },
    hint:
      known.length === 0
        ? 'None of its subtasks has a name.'
        : `It has ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}.`,
  });
}
