import type { RecordDocument } from '../contract/documents.ts';
import type { FleetRecord } from '../record/record.ts';

/** A record as clients see it: its fields and nothing else. */
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
