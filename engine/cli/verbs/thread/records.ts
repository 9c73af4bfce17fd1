import { recordLines } from '../../render/thread.ts';
import { defineVerb, word } from '../../verb.ts';

export const threadRecords = defineVerb({
  path: 'thread records',
  summary: 'List the records of a thread',
  examples: [
    ['spl thread records FIRST-001', 'print one line per record'],
    ['spl thread records FIRST-001 --json', 'print the whole records'],
  ],
  positionals: { thread: word('thread', 'Thread id or alias, or a prefix of either', 'tasks') },
  flags: {},
  async run(context, { thread }) {
    const document = await context.report('thread.records', { thread });
    context.print(document, () => recordLines(document.records));
  },
});
