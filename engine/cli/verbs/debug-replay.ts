import { replayLines } from '../render/thread.ts';
import { defineVerb, word } from '../verb.ts';

export const debugReplay = defineVerb({
  path: 'debug replay',
  summary: 'Replay a thread record by record, with each change of status',
  examples: [['spl debug replay FIRST-001', 'show how the task came to its status']],
  positionals: { thread: word('task', 'Task or thread', 'tasks') },
  flags: {},
  async run(context, { thread }) {
    const replay = await context.report('replay', { thread });
    context.print(replay, () => replayLines(replay));
  },
});
