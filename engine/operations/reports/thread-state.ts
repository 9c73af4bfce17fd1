import { threadStateSchema } from '../../contract/documents.ts';
import { onThread } from '../confinement.ts';
import { report } from '../operation.ts';
import { describeThread, recordsOf, resolveThread } from '../threads.ts';

export const threadState = report({
  name: 'thread.state',
  about: 'get the state of a thread',
  method: 'GET',
  path: '/v1/threads/:thread/state',
  scope: 'read',
  output: threadStateSchema,
  costly: true,
  confine: onThread,
  answer: async (input, context) => {
    const { domain, coordinator, now } = context;
    const thread = await resolveThread(input.thread, context);
    const records = await recordsOf(thread, context);
    const acts: Record<string, number> = {};
    for (const { record } of records) acts[record.act] = (acts[record.act] ?? 0) + 1;
    const task = coordinator.state.tasks.get(thread as never);
    const [first] = records;
    return {
      thread,
      ...(first === undefined
        ? { kind: 'reserved', title: null }
        : describeThread(thread, first.record, context)),
      status: task === undefined ? null : domain.statusOf(coordinator.state, task, now),
      records: records.length,
      actors: [...new Set(records.map(({ record }) => record.actor))],
      acts,
      first_unix: first === undefined ? null : first.at / 1000,
      last_unix: records.length === 0 ? null : records.at(-1)!.at / 1000,
    };
  },
});
