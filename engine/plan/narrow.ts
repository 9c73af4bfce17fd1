import type { PlannedSubtask, PlanRequest } from './plan.ts';

/**
 * The part of a plan that some of its subtasks make up, with all that they wait for: that part can be run alone. Its join
 * asks for all of it, since that of the plan is about the whole.
 * @param indices of the subtasks, each one that there is.
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

/** The dependencies of a plan are indices: its names and patterns are resolved. */
function dependenciesOf(subtask: Pick<PlannedSubtask, 'depends_on'> | undefined): readonly number[] {
  return (subtask?.depends_on ?? []).filter(ref => typeof ref === 'number');
}
