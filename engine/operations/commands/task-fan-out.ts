import { fanOutSchema } from '../../contract/commands.ts';
import { fannedOutSchema, type FannedOut } from '../../contract/documents.ts';
import { mapYielding } from '../../yield-to-event-loop.ts';
import { onTask } from '../confinement.ts';
import { command } from '../operation.ts';

export const taskFanOut = command({
  name: 'task.fan-out',
  about: 'fan a task out',
  method: 'POST',
  path: '/v1/tasks/:task/fan-out',
  scope: 'write',
  body: fanOutSchema,
  output: fannedOutSchema,
  bulk: true,
  submits: true,
  confine: async (input, inside, call) => {
    if (input.namespace !== null) inside.require(input.namespace);
    return onTask(input, inside, call);
  },
  run: async ({ task, ...request }, { domain, coordinator, work }) => {
    // Decoding is the slowest part of a large fan-out that can run before the step.
    const subtasks = await mapYielding(request.subtasks, domain.decodeAhead);
    const { hasFanOut, facts } = domain.resolveTask(coordinator.state, task);
    const notes = hasFanOut
      ? []
      : await work.notesOn({ ...request, dir: request.dir ?? facts.dir, subtasks });
    const fannedOut = await work.submit(issuer =>
      domain.fanOut(coordinator, task, { ...request, subtasks }, work.context(), issuer),
    );
    return withNotes(fannedOut, notes);
  },
});

export const withNotes = (fannedOut: FannedOut, notes: readonly string[]): FannedOut =>
  notes.length === 0 ? fannedOut : { ...fannedOut, notes: [...notes] };
