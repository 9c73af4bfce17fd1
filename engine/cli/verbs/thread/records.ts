import { recordLines } from '../../render/thread.ts';
import { defineVerb, word } from '../../verb.ts';

export const threadRecords = defineVerb({
  path: 'thread records',
  summary: 'the records of a thread',
  examples: [
    ['spl thread records FIRST-001', 'a line each'],
    ['spl thread records FIRST-001 --json', 'in full'],
  ],
  positionals: { thread: word('thread', 'a thread id, an alias, or the beginning of either', 'tasks') },
  flags: {},
  async run(context, { thread }) {
    const document = await context.report('thread.records', { thread });
    context.print(document, () => recordLines(document.records));
  },
});
