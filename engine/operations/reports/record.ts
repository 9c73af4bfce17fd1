import { recordSchema } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { isRecordId } from '../../record/ids.ts';
import { report } from '../operation.ts';
import { recordDocument } from '../record-document.ts';

export const record = report({
  name: 'record',
  about: 'get a record',
  method: 'GET',
  path: '/v1/records/:id',
  scope: 'read',
  output: recordSchema,
  confine: async (input, inside, call) => {
    const found = await call(input);
    if (await inside.has(found)) return found;
    throw notFound(input.id);
  },
  answer: async ({ id }, { log }) => {
    const at = isRecordId(id) ? log.find(id) : undefined;
    if (at === undefined || at >= log.end) throw notFound(id);
    return recordDocument((await log.get(at)).record);
  },
});

const notFound = (id: string): FleetError =>
  new FleetError('NOT_FOUND', `no record has the id '${id}'`, { details: { id } });
