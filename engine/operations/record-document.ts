import type { RecordDocument } from '../contract/documents.ts';
import type { FleetRecord } from '../record/record.ts';

/** Returns a record as clients see it: only its fields. */
export function recordDocument({
  id,
  parents,
  thread,
  actor,
  act,
  body,
  clock,
  data_type,
  judged_by,
}: FleetRecord): RecordDocument {
  return { id, parents: [...parents], thread, actor, act, body: { ...body }, clock, data_type, judged_by };
}
