import { fanOutOpenSchema } from '../../contract/commands.ts';
import { fanOutOpenedSchema } from '../../contract/documents.ts';
import { mapYielding } from '../../yield-to-event-loop.ts';
import { command } from '../operation.ts';
import { withNotes } from './task-fan-out.ts';

export const fanOutOpen = command({
  name: 'fan-out.open',
  about: 'add a task and fan it out, both or neither',
  method: 'POST',
  path: '/v1/fan-outs',
  scope: 'write',
  body: fanOutOpenSchema,
  output: fanOutOpenedSchema,
  bulk: true,
  submits: true,
  confine: async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    for (const each of [namespace, input.fan_out.namespace]) if (each !== null) inside.require(each);
    return call({ ...input, namespace });
  },
  run: async ({ fan_out: request, ...input }, { domain, coordinator, newThread, work }) => {
    const subtasks = await mapYielding(request.subtasks, domain.decodeAhead);
    const notes = await work.notesOn({ ...request, dir: request.dir ?? input.dir, subtasks });
    const task = { ...input, fan_out: { ...request, subtasks } };
    const opened = await work.submit(issuer =>
      domain.openFanOut(coordinator, task, newThread(), work.context(), issuer),
    );
    return { ...opened, fan_out: withNotes(opened.fan_out, notes) };
  },
});
