import { replaySchema } from '../../contract/documents.ts';
import { onThread } from '../confinement.ts';
import { report } from '../operation.ts';
import { recordsOf, resolveThread } from '../threads.ts';

export const replay = report({
  name: 'replay',
  about: 'list the records of a thread with the status after each',
  method: 'GET',
  path: '/v1/threads/:thread/replay',
  scope: 'read',
  output: replaySchema,
  costly: true,
  confine: onThread,
  answer: async (input, context) => {
    const { domain, coordinator, now } = context;
    const thread = await resolveThread(input.thread, context);
    const task = coordinator.state.tasks.get(thread as never);
    const records = await recordsOf(thread, context);
    return domain.replayThread(records, task && domain.statusOf(coordinator.state, task, now));
  },
});
