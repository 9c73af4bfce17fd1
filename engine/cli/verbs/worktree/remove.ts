import type { WorktreeRemoved } from '../../../contract/documents.ts';
import { plural, size } from '../../../contract/format.ts';
import { defineVerb, toggle, word } from '../../verb.ts';

export const worktreeRemove = defineVerb({
  path: 'worktree remove',
  summary: 'Remove a worktree, and its branch if no commit is lost',
  description:
    'The branch stays unless another local or remote branch has all its commits. A worktree with uncommitted changes is refused.',
  examples: [
    ['spl worktree remove spl/TUT-001/0-1', 'name it by its branch'],
    ['spl worktree remove spl/TUT-001/0-1 --force', 'discard its changes and commits'],
  ],
  positionals: { worktree: word('worktree', 'Name, branch or folder of the worktree') },
  flags: { force: toggle('--force', 'Discard uncommitted changes and the branch') },
  async run(context, { worktree, force }) {
    const removed = await context.submit('worktree.remove', { worktree, force });
    const { green } = context.out.colours;
    context.print(removed, () => [
      `${green('✓')} worktree '${removed.name}' removed`,
      removed.branch_kept
        ? `  · branch ${removed.branch} stays: no other branch has all its commits`
        : `  · branch ${removed.branch} is gone`,
      ...goneLines(removed),
    ]);
  },
});

function goneLines({ ignored_files: count, ignored_bytes: bytes = 0 }: WorktreeRemoved): string[] {
  return count === undefined ? [] : [`  · ${plural(count, 'ignored file')} (${size(bytes)}) went with it`];
}
