import { treeLines } from '../../render/task.ts';
import { defineVerb, word } from '../../verb.ts';

export const taskTree = defineVerb({
  path: 'task tree',
  summary: 'Show a task and its subtasks as a tree',
  examples: [['spl task tree FIRST-001', 'show each subtask, its dependencies and its state']],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: {},
  async run(context, { task }) {
    const found = await context.report('task', { task });
    const join =
      found.fan_out === null ? null : await context.report('join', { task: found.thread, summary: false });
    context.print({ ...found, children: join?.children ?? [] }, () =>
      treeLines(found, join, context.out.colours),
    );
  },
});
