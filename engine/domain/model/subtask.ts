import type { CompleteSubtask } from '../../subtask/subtask.ts';
import type { Dependent } from './subtask-graph.ts';

const AGENT = 'agent:';

/** Returns true when an executor is a coding agent, whose deliveries contain the subtask's dependencies. */
export function isAgent(executor: string): boolean {
  return executor.startsWith(AGENT);
}

/** Returns true for a subtask outside the join, which starts once its dependencies have ended. */
export function isFollowUp({ when }: Pick<CompleteSubtask, 'when'>): boolean {
  return when !== 'accepted';
}

/** Returns the members of the join: all subtasks but the follow-ups, with dependencies by their new indices. */
export function membersAmong<T extends Dependent & Pick<CompleteSubtask, 'when'>>(
  subtasks: readonly T[],
): readonly T[] {
  if (!subtasks.some(isFollowUp)) return subtasks;
  const members = subtasks.filter(each => !isFollowUp(each));
  const indices = new Map(members.map((each, index) => [each, index]));
  return members.map(each => ({
    ...each,
    depends_on: each.depends_on.map(index => indices.get(subtasks[index]!)!),
  }));
}
