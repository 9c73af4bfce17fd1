import { archiveSchema } from '../../contract/commands.ts';
import { archivedSchema } from '../../contract/documents.ts';
import { command } from '../operation.ts';

export const archive = command({
  name: 'archive',
  about: 'remove finished tasks from lists, or show them again (`undo`)',
  method: 'POST',
  path: '/v1/archive',
  scope: 'write',
  body: archiveSchema,
  output: archivedSchema,
  confine: async (input, inside, call) => {
    const namespace = input.namespace ?? inside.namespace;
    inside.require(namespace);
    if (input.tasks === undefined) return call({ ...input, namespace });
    return call({ ...input, namespace, tasks: await inside.threads(input.tasks) });
  },
  run: (input, { domain, coordinator, noted }) => noted(issuer => domain.archive(coordinator, input, issuer)),
});
