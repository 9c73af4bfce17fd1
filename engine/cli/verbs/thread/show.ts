import { threadStateLines } from '../../render/thread.ts';
import { defineVerb, word } from '../../verb.ts';

export const threadShow = defineVerb({
  path: 'thread show',
  summary: 'Show the status and record counts of a thread',
  examples: [['spl thread show FIRST-001', 'show the status of the task and the number of its records']],
  positionals: { thread: word('thread', 'Thread id or alias, or a prefix of either', 'tasks') },
  flags: {},
  async run(context, { thread }) {
    const state = await context.report('thread.state', { thread });
    context.print(state, () => threadStateLines(state));
  },
});
