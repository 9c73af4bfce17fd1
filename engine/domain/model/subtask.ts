import type { CompleteSubtask } from '../../subtask/subtask.ts';
import type { Dependent } from './subtask-graph.ts';

const AGENT = 'agent:';

/** Tells whether an executor is a coding agent, which is told what its subtask depends on. */
export function isAgent(executor: string): boolean {
  return executor.startsWith(AGENT);
}

/** True for a subtask outside the join, which starts once what it depends on has ended. */
export function isFollowUp({ when }: Pick<CompleteSubtask, 'when'>): boolean {
  return when !== 'accepted';
}

/** The subtasks that the join is about: all but the follow-ups, with their dependencies by their new indices. */
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
