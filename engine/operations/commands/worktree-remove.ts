import { worktreeRemoveSchema } from '../../contract/commands.ts';
import { worktreeRemovedSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const worktreeRemove = command({
  name: 'worktree.remove',
  about: 'remove a worktree',
  method: 'POST',
  path: '/v1/worktrees/remove',
  scope: 'write',
  body: worktreeRemoveSchema,
  output: worktreeRemovedSchema,
  confine: refused('remove worktrees'),
  run: (input, { worktrees, once }) => once(() => worktrees.remove(input)),
});
