import { FleetError } from '../errors.ts';
import type { FleetState } from '../fleet/state.ts';
import type { Log } from '../log/log.ts';
import type { Did, RecordId, ThreadId } from '../record/ids.ts';
import type { FleetRecord, SealedRecord } from '../record/record.ts';

/**
 * The reports of one message that the log does not have yet, in their order; a repeated one is no fault.
 * @throws CONFLICT for another record than the one that its author wrote at that clock; the link ends with it.
 */
export function freshReports(
  records: readonly SealedRecord[],
  author: Did,
  state: Pick<FleetState, 'tasks'>,
  log: Pick<Log, 'find' | 'findSlot'>,
): SealedRecord[] {
  const fresh: SealedRecord[] = [];
  const ids = new Set<RecordId>();
  const slots = new Set<string>();
  const nextClocks = new Map<ThreadId, number>();
  for (const sealed of records) {
    const { id, thread, clock } = sealed.record;
    const next = nextClocks.get(thread) ?? nextClockOf(author, thread, state);
    // A clock beyond all that was heard of on a task's thread is new; of the others only a look can tell.
    if (clock < next) {
      if (ids.has(id) || log.find(id) !== undefined) continue;
      if (slots.has(`${thread} ${clock}`) || log.findSlot(author, thread, clock) !== undefined)
        throw takenSlot(sealed.record);
    }
    nextClocks.set(thread, Math.max(next, clock + 1));
    ids.add(id);
    slots.add(`${thread} ${clock}`);
    fresh.push(sealed);
  }
  return fresh;
}

/** The state keeps the clocks of tasks' threads, and of no others. */
function nextClockOf(author: Did, thread: ThreadId, state: Pick<FleetState, 'tasks'>): number {
  const task = state.tasks.get(thread);
  return task === undefined ? Number.POSITIVE_INFINITY : (task.clocks.get(author) ?? 0);
}

function takenSlot({ actor, thread, clock }: FleetRecord): FleetError {
  return new FleetError('CONFLICT', `${actor} has written another record with clock ${clock} on ${thread}`, {
    details: { actor, thread, clock },
  });
}
