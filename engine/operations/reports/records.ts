import { recordsSchema } from '../../contract/documents.ts';
import { limit, position, report, text } from '../operation.ts';
import { recordDocument } from '../record-document.ts';

export const records = report({
  name: 'records',
  about: 'search records: `thread`, `actor`, `act`, `limit`, `after`',
  method: 'GET',
  path: '/v1/records',
  query: { thread: text('thread'), actor: text('actor'), act: text('act'), limit, after: position('after') },
  scope: 'read',
  output: recordsSchema,
  costly: true,
  confine: async (input, inside, call) => {
    const page = await call(input);
    return { records: await inside.only(page.records, each => each), next: page.next };
  },
  answer: async (input, { records: search, log }) => {
    const positions = await search.positions(input);
    const found = await Promise.all(positions.map(at => log.get(at)));
    return {
      records: found.map(({ record }) => recordDocument(record)),
      next: positions.length < input.limit ? null : positions.at(-1)!,
    };
  },
});
