import { queryLines } from '../render/thread.ts';
import { defineVerb, number, word } from '../verb.ts';

export const query = defineVerb({
  path: 'query',
  summary: 'Query the index with SQL',
  description: 'Read-only: a statement that changes data is refused.',
  examples: [
    ['spl query "SELECT name FROM sqlite_master"', 'list the tables'],
    ['spl query "SELECT act, count(*) FROM records GROUP BY act"', 'count the records of each act'],
  ],
  positionals: { sql: word('sql', 'One SELECT statement') },
  flags: {
    limit: number('--limit <n>', 'Maximum number of rows (default: 1000)', {
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
