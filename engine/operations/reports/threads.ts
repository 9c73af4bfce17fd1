import { threadsSchema, type ThreadsDocument } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import type { ReportContext, ThreadRow } from '../context.ts';
import { limit, position, report } from '../operation.ts';
import { describeThread } from '../threads.ts';

export const threads = report({
  name: 'threads',
  about: 'list the threads',
  method: 'GET',
  path: '/v1/threads',
  query: { limit, after: position('after') },
  scope: 'read',
  output: threadsSchema,
  costly: true,
  confine: refused('list threads; it can read each'),
  answer: async (input, context) => {
    const found = await context.records.threads(input);
    return {
      threads: await Promise.all(found.threads.map(row => summary(row, context))),
      total: found.total,
    };
  },
});

async function summary(row: ThreadRow, context: ReportContext): Promise<ThreadsDocument['threads'][number]> {
  const { record } = await context.log.get(row.firstPosition);
  const { kind, title } = describeThread(row.thread, record, context);
  return {
    thread: row.thread,
    records: row.records,
    kind,
    title,
    first_unix: row.firstAt / 1000,
    last_unix: row.lastAt / 1000,
  };
}
