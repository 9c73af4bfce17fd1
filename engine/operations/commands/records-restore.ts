import { recordsRestoreSchema } from '../../contract/commands.ts';
import { restoredSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

/** Restores records of another home: all of them or, when one is refused, none. */
export const recordsRestore = command({
  name: 'records.restore',
  about: 'restore the records of a snapshot, with their signatures',
  method: 'POST',
  path: '/v1/records/restore',
  scope: 'write',
  body: recordsRestoreSchema,
  output: restoredSchema,
  bulk: true,
  idempotency: 'content',
  confine: refused('restore snapshots'),
  // Restoring the same records again changes nothing, so no key is stored.
  run: async (input, { records, recorded }) => recorded(await records.restore(input)),
});
