import { oneLine, table } from '../../../contract/format.ts';
import { defineVerb } from '../../verb.ts';

export const worktreeList = defineVerb({
  path: 'worktree list',
  summary: 'List the git worktrees of attempts',
  description:
    'An attempt with isolation=worktree works in its own worktree. When the attempt ends, the worktree is removed if nothing changed. Otherwise it stays, and its branch holds all changes.',
  examples: [['spl worktree list', 'show the branch, state and folder of each']],
  positionals: {},
  flags: {},
  async run(context) {
    const document = await context.report('worktrees', {});
    context.print(document, () => {
      if (document.worktrees.length === 0) return ['no worktrees'];
      const rows = document.worktrees.map(
        ({ branch, task, subtask, subtask_name: name, state, worker, dir }) => [
          oneLine(branch, 120),
          oneLine(`${task} ${name ?? `[${subtask}]`}`, 60),
          state,
          worker,
          oneLine(dir, 400),
        ],
      );
      return table(['BRANCH', 'SUBTASK', 'STATE', 'WORKER', 'FOLDER'], rows);
    });
  },
});
