import { threadStateLines } from '../../render/thread.ts';
import { defineVerb, word } from '../../verb.ts';

export const threadShow = defineVerb({
  path: 'thread show',
  summary: 'what a thread amounts to',
  examples: [['spl thread show FIRST-001', 'its status, and how many records of which kind']],
  positionals: { thread: word('thread', 'a thread id, an alias, or the beginning of either', 'tasks') },
  flags: {},
  async run(context, { thread }) {
    const state = await context.report('thread.state', { thread });
    context.print(state, () => threadStateLines(state));
  },
});
