import { threadListLines } from '../../render/thread.ts';
import { defineVerb, number } from '../../verb.ts';

export const threadList = defineVerb({
  path: 'thread list',
  summary: 'List threads',
  examples: [
    ['spl thread list', 'list the first hundred'],
    ['spl thread list --limit 1000 --after 100', 'list the next thousand'],
  ],
  positionals: {},
  flags: {
    limit: number('--limit <n>', 'Number of threads to list (default: 100)', {
      min: 1,
      max: 100_000,
      whole: true,
    }),
    after: number('--after <n>', 'Number of threads to skip', {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      whole: true,
    }),
  },
  async run(context, { limit, after }) {
    const document = await context.report('threads', {
      limit: limit ?? 100,
      ...(after !== null && { after }),
    });
    context.print(document, () => threadListLines(document));
  },
});
