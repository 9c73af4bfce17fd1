import { combinations, MAX_EXPANDED, wholeResultRef, type MatrixValues } from '../../subtask/matrix.ts';
import { filledSubtask } from '../../subtask/matrix-filling.ts';
import type { ResultRef } from '../../subtask/results.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';
import { MAX_SUBTASKS } from '../../subtask/subtask-ref.ts';
import { membersOf, type FanOut, type FanOutHead } from './state.ts';
import { membersAmong } from './subtask.ts';

/**
 * Returns the subtasks with those that a matrix makes of these values: the first in the place of the template, and the
 * others at the end. What depended on the template depends on all of them.
 */
export function expandedSubtasks(
  subtasks: readonly CompleteSubtask[],
  index: number,
  values: MatrixValues,
): readonly CompleteSubtask[] {
  const template = subtasks[index]!;
  const [first, ...others] = combinations(values).map(each => filledSubtask(template, each));
  const added = others.map((_, i) => subtasks.length + i);
  const before = subtasks.map(each =>
    each.depends_on.includes(index) ? { ...each, depends_on: [...each.depends_on, ...added] } : each,
  );
  before[index] = first!;
  return [...before, ...others];
}

/** Returns the most members that a fan-out may have, once its matrices have their values. */
export function mostMembers(subtasks: readonly CompleteSubtask[]): number {
  const matrices = subtasks.filter(({ matrix }) => matrix !== null).length;
  return mostWith(membersAmong(subtasks).length, matrices);
}

/** Returns the most members that a fan-out may still have. */
export function mostMembersOf(fanOut: FanOutHead & Pick<FanOut, 'matrices'>): number {
  return mostWith(membersOf(fanOut), fanOut.matrices.size);
}

/** Returns the most members of a fan-out with this number of members, some of which have a matrix over results. */
export function mostWith(members: number, matrices: number): number {
  return Math.min(members + matrices * (MAX_EXPANDED - 1), Math.max(members, MAX_SUBTASKS));
}

/** Returns the results that the matrix of a subtask waits for. */
export function resultRefsOf({ matrix }: CompleteSubtask): readonly ResultRef[] {
  return Object.values(matrix ?? {}).flatMap(text => wholeResultRef(text) ?? []);
}
