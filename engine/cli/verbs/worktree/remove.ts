import type { WorktreeRemoved } from '../../../contract/documents.ts';
import { plural, size } from '../../../contract/format.ts';
import { defineVerb, toggle, word } from '../../verb.ts';

export const worktreeRemove = defineVerb({
  path: 'worktree remove',
  summary: 'remove a worktree, and its branch where nothing is lost with it',
  description:
    'A branch stays while no other one, here or at a remote, has all that is on it. What is not committed is refused.',
  examples: [
    ['spl worktree remove spl/TUT-001/0-1', 'by its branch'],
    ['spl worktree remove spl/TUT-001/0-1 --force', 'with what only it has'],
  ],
  positionals: { worktree: word('worktree', 'its name, its branch or its folder') },
  flags: { force: toggle('--force', 'throw away what is not committed, and the branch') },
  async run(context, { worktree, force }) {
    const removed = await context.submit('worktree.remove', { worktree, force });
    const { green } = context.out.colours;
    context.print(removed, () => [
      `${green('✓')} worktree '${removed.name}' removed`,
      removed.branch_kept
        ? `  · branch ${removed.branch} stays: no other one has what is on it`
        : `  · branch ${removed.branch} is gone`,
      ...goneLines(removed),
    ]);
  },
});

function goneLines({ ignored_files: count, ignored_bytes: bytes = 0 }: WorktreeRemoved): string[] {
  return count === undefined ? [] : [`  · ${plural(count, 'ignored file')} (${size(bytes)}) went with it`];
}
