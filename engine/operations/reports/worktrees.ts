import { worktreesSchema, type WorktreeDocument } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const worktrees = report({
  name: 'worktrees',
  about: 'list the worktrees of attempts',
  method: 'GET',
  path: '/v1/worktrees',
  scope: 'read',
  output: worktreesSchema,
  confine: refused('list worktrees'),
  answer: async (_input, { domain, coordinator: { state }, worktrees: { list } }) => {
    const nameOf = ({ task, subtask, made_unix: made }: WorktreeDocument): string | null =>
      domain.subtaskNameAt(state, task, subtask, made * 1000);
    const found = (await list()).worktrees;
    return { worktrees: found.map(each => ({ ...each, subtask_name: nameOf(each) })) };
  },
});
