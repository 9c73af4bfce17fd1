import * as v from 'valibot';
import { storedSchema } from '../../contract/documents.ts';
import { command } from '../operation.ts';

/** Appends a client's records. They are decoded JSON values; each is checked as SPEC 1 requires. */
export const recordsAppend = command({
  name: 'records.append',
  about: 'append a record, or NDJSON (`application/x-ndjson`)',
  method: 'POST',
  path: '/v1/records',
  scope: 'write',
  form: 'records',
  body: v.strictObject({ records: v.array(v.unknown()) }),
  output: v.pipe(
    v.looseObject({ object: v.literal('list'), data: v.array(storedSchema) }),
    v.transform(({ data }) => ({ stored: data })),
  ),
  bulk: true,
  idempotency: 'content',
  confine: async (input, inside, call) => {
    for (const record of input.records) await inside.requireRecord(record);
    return call(input);
  },
  run: async (input, { records, noted }) => noted(await records.append(input.records)),
});
