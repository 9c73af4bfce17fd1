import * as v from 'valibot';
import { querySchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { MAX_PAGE, report } from '../operation.ts';

export const query = report({
  name: 'query',
  about: 'run one statement of read-only SQL',
  method: 'POST',
  path: '/v1/query',
  scope: 'read',
  body: v.strictObject({
    sql: v.pipe(v.string('must be text'), v.maxLength(65_536, 'must have at most 65536 characters')),
    limit: v.optional(
      v.pipe(
        v.number('must be a number'),
        v.safeInteger('must be a whole number'),
        v.minValue(1, 'must be at least 1'),
        v.maxValue(MAX_PAGE, `must be at most ${MAX_PAGE}`),
      ),
      1000,
    ),
  }),
  output: querySchema,
  costly: true,
  confine: refused('query the index, which has the records of all'),
  answer: ({ sql, limit }, { records }) => records.query(sql, limit),
});
