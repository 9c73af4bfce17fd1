import { queryLines } from '../render/thread.ts';
import { defineVerb, number, word } from '../verb.ts';

export const query = defineVerb({
  path: 'query',
  summary: 'ask the index in SQL',
  description: 'Read-only: a statement that would change something is refused.',
  examples: [
    ['spl query "SELECT name FROM sqlite_master"', 'the tables that there are'],
    ['spl query "SELECT act, count(*) FROM records GROUP BY act"', 'how many records of each kind'],
  ],
  positionals: { sql: word('sql', 'one SELECT statement') },
  flags: {
    limit: number('--limit <n>', 'how many rows at most (default: 1000)', {
      min: 1,
      max: 10_000,
      whole: true,
    }),
  },
  async run(context, { sql, limit }) {
    const document = await context.report('query', { sql, limit: limit ?? 1000 });
    context.print(document, () => queryLines(document));
  },
});
