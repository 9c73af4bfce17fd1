import { treeLines } from '../../render/task.ts';
import { defineVerb, word } from '../../verb.ts';

export const taskTree = defineVerb({
  path: 'task tree',
  summary: 'show a task and its subtasks as a tree',
  examples: [['spl task tree FIRST-001', 'each subtask, what it waits for and how it goes']],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
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
