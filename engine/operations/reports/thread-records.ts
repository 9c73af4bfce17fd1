import { threadRecordsSchema } from '../../contract/documents.ts';
import { orNothing } from '../confinement.ts';
import { report } from '../operation.ts';
import { recordDocument } from '../record-document.ts';
import { recordsOf, resolveThread } from '../threads.ts';

/** Returns records of a thread. `thread` may also be a task's alias or an unambiguous prefix. */
export const threadRecords = report({
  name: 'thread.records',
  about: 'list the records of a thread',
  method: 'GET',
  path: '/v1/threads/:thread/records',
  scope: 'read',
  output: threadRecordsSchema,
  costly: true,
  confine: async (input, inside, call) => {
    const { thread, records } = await orNothing(call(input), { thread: input.thread, records: [] });
    const own = await inside.only(records, record => record);
    if (own.length > 0) return { thread, records: own };
    throw inside.notFound('thread', input.thread);
  },
  answer: async (input, context) => {
    const thread = await resolveThread(input.thread, context);
    const records = await recordsOf(thread, context);
    return { thread, records: records.map(({ record }) => recordDocument(record)) };
  },
});
