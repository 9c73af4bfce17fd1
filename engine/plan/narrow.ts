import type { PlannedSubtask, PlanRequest } from './plan.ts';

/**
 * Returns the part of a plan with some of its subtasks and all their dependencies, which can run alone. The join of the
 * part is `all`, since the plan's join is about the whole plan.
 * @param indices of existing subtasks
 */
export function narrowedTo(request: PlanRequest, indices: readonly number[]): PlanRequest {
  const kept = new Set<number>();
  const open = [...indices];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (kept.has(index)) continue;
    kept.add(index);
    open.push(...dependenciesOf(request.subtasks[index]));
  }
  const order = [...kept].sort((a, b) => a - b);
  if (order.length === request.subtasks.length) return request;
  const place = new Map(order.map((index, at) => [index, at]));
  const subtasks = order.map(index => {
    const { depends_on: on, ...subtask } = request.subtasks[index]!;
    if (on === undefined) return subtask;
    return { ...subtask, depends_on: dependenciesOf({ depends_on: on }).map(each => place.get(each)!) };
  });
  return { ...request, subtasks, join: 'all' };
}

/** Returns the dependencies of a planned subtask as indices, because its names and patterns are resolved. */
function dependenciesOf(subtask: Pick<PlannedSubtask, 'depends_on'> | undefined): readonly number[] {
  return (subtask?.depends_on ?? []).filter(ref => typeof ref === 'number');
}
