import { speedupSchema } from '../../contract/documents.ts';
import { onTask } from '../confinement.ts';
import { report } from '../operation.ts';

export const speedup = report({
  name: 'speedup',
  about: 'get the speedup report; `vs_serial`',
  method: 'GET',
  path: '/v1/tasks/:task/speedup',
  query: { vsSerial: { name: 'vs_serial', kind: 'text', absent: null } },
  scope: 'read',
  output: speedupSchema,
  costly: true,
  confine: async (input, inside, call) =>
    onTask({ ...input, vsSerial: input.vsSerial && (await inside.thread(input.vsSerial)) }, inside, call),
  answer: ({ task, vsSerial }, { domain, coordinator: { state } }) => {
    const factsOf = (name: string) => domain.runFacts(state, domain.resolveTask(state, name));
    return domain.speedupReport(factsOf(task), vsSerial === null ? null : factsOf(vsSerial));
  },
});
