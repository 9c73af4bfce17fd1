import { oneLine, table } from '../../../contract/format.ts';
import { defineVerb } from '../../verb.ts';

export const worktreeList = defineVerb({
  path: 'worktree list',
  summary: 'list the worktrees that attempts have, or left',
  description:
    'An attempt with isolation=worktree works in one of its own. It goes with the attempt when nothing was changed in it, and else stays, with a branch that holds all that was done.',
  examples: [['spl worktree list', 'branch, state and folder of each']],
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
