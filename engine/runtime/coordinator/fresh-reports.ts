import { FleetError } from '../../errors.ts';
import type { FleetState } from '../../domain/model/state.ts';
import type { Log } from '../../log/log.ts';
import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import type { FleetRecord, SealedRecord } from '../../record/record.ts';

/**
 * Returns the reports of one message that the log does not have yet, in order; skips repetitions.
 * @throws CONFLICT for a second record with the same author and clock, which ends the link
 */
export function freshReports(
  records: readonly SealedRecord[],
  author: Did,
  state: Pick<FleetState, 'tasks'>,
  log: Pick<Log, 'find' | 'findByKey'>,
): SealedRecord[] {
  const fresh: SealedRecord[] = [];
  const nextClocks = new Map<ThreadId, number>();
  /** Created on first use: rising clocks never need it. */
  let seen: Seen | undefined;
  for (const sealed of records) {
    const { id, thread, clock } = sealed.record;
    const next = nextClocks.get(thread) ?? nextClockOf(author, thread, state);
    // A clock above all known ones of a task's thread is new; others need a search.
    if (clock < next) {
      seen ??= new Seen(fresh);
      if (seen.ids.has(id) || log.find(id) !== undefined) continue;
      if (seen.recordKeys.has(recordKeyOf(sealed)) || log.findByKey(author, thread, clock) !== undefined)
        throw keyConflict(sealed.record);
    }
    nextClocks.set(thread, Math.max(next, clock + 1));
    fresh.push(sealed);
    seen?.add(sealed);
  }
  return fresh;
}

/** The keys of the new records of one message. */
class Seen {
  readonly ids = new Set<RecordId>();
  readonly recordKeys = new Set<string>();

  constructor(records: readonly SealedRecord[]) {
    for (const sealed of records) this.add(sealed);
  }

  add(sealed: SealedRecord): void {
    this.ids.add(sealed.record.id);
    this.recordKeys.add(recordKeyOf(sealed));
  }
}

const recordKeyOf = ({ record: { thread, clock } }: SealedRecord): string => `${thread} ${clock}`;

/** Returns the worker's next clock on a thread. The state stores the clocks of tasks' threads only. */
function nextClockOf(author: Did, thread: ThreadId, state: Pick<FleetState, 'tasks'>): number {
  const task = state.tasks.get(thread);
  return task === undefined ? Number.POSITIVE_INFINITY : (task.clocks.get(author) ?? 0);
}

function keyConflict({ actor, thread, clock }: FleetRecord): FleetError {
  return new FleetError('CONFLICT', `${actor} has written another record with clock ${clock} on ${thread}`, {
    details: { actor, thread, clock },
  });
}
