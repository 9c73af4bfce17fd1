import { replayLines } from '../render/thread.ts';
import { defineVerb, word } from '../verb.ts';

export const debugReplay = defineVerb({
  path: 'debug replay',
  summary: 'replay a thread record by record, and where its status changes',
  examples: [['spl debug replay FIRST-001', 'how the task came to its status']],
  positionals: { thread: word('task', 'a task or a thread', 'tasks') },
  flags: {},
  async run(context, { thread }) {
    const replay = await context.report('replay', { thread });
    context.print(replay, () => replayLines(replay));
  },
});
