import type { Commands } from '../../operations/index.ts';
import { FleetError } from '../../errors.ts';
import { isReservedTopic, topicOf } from '../../domain/model/record-bodies.ts';
import type { Log } from '../../log/log.ts';
import { isInstanceDid, isReservedThread } from '../../record/ids.ts';
import { decodeRecord, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import { mapYielding } from '../../yield-to-event-loop.ts';

export interface AppendContext {
  readonly log: Log;
  /** Throws for a record that the state does not allow, such as one of a missing namespace. */
  readonly admit: (record: FleetRecord) => void;
  readonly write: (sealed: SealedRecord) => void;
}

/**
 * Decodes records of a client. A long list is decoded in slices, so that it does not block the event loop.
 * @throws INVALID_RECORD, TOO_LARGE, naming the record's place in the list.
 */
export function decodeRecords(values: readonly unknown[]): Promise<SealedRecord[]> {
  return mapYielding(values, (value, i) => named(i, values.length, () => decodeRecord(value)));
}

/**
 * Appends all decoded records, or none when one is refused. Records that exist already are skipped.
 * @throws INVALID_RECORD, SCOPE_FORBIDDEN, NAMESPACE_REJECTED, CONFLICT, naming the record's place in the list.
 */
export function appendRecords(
  records: readonly SealedRecord[],
  context: AppendContext,
): Commands['records.append']['output'] {
  const fresh = new Map<string, SealedRecord>();
  const recordKeys = new Set<string>();
  const stored = records.map((sealed, i) => {
    named(i, records.length, () => examine(sealed.record, recordKeys, fresh, context));
    const existed = fresh.has(sealed.record.id) || context.log.find(sealed.record.id) !== undefined;
    if (!existed) fresh.set(sealed.record.id, sealed);
    return { object: 'record' as const, id: sealed.record.id, existed };
  });
  for (const sealed of fresh.values()) context.write(sealed);
  return { stored };
}

function examine(
  record: FleetRecord,
  recordKeys: Set<string>,
  fresh: ReadonlyMap<string, SealedRecord>,
  { log, admit }: AppendContext,
): void {
  refuseForbidden(record);
  // A record that was accepted once is never refused later.
  if (!fresh.has(record.id) && log.find(record.id) === undefined) {
    admit(record);
    refuseTakenKey(record, recordKeys, log);
  }
  recordKeys.add(recordKeyOf(record));
}

function refuseForbidden(record: FleetRecord): void {
  const topic = topicOf(record);
  const why = isInstanceDid(record.actor)
    ? `only the instance itself writes as ${record.actor}`
    : isReservedThread(record.thread)
      ? `the thread '${record.thread}' is reserved for the fleet`
      : isReservedTopic(topic)
        ? `the topic '${topic}' is reserved for the fleet`
        : undefined;
  if (why !== undefined)
    throw new FleetError('SCOPE_FORBIDDEN', why, { details: { actor: record.actor, thread: record.thread } });
}

function refuseTakenKey(record: FleetRecord, recordKeys: ReadonlySet<string>, log: Log): void {
  if (
    !recordKeys.has(recordKeyOf(record)) &&
    log.findByKey(record.actor, record.thread, record.clock) === undefined
  )
    return;
  throw new FleetError(
    'CONFLICT',
    `${record.actor} has written another record with clock ${record.clock} on ${record.thread}`,
    {
      details: { actor: record.actor, thread: record.thread, clock: record.clock },
      hint: 'Raise the clock with every record.',
    },
  );
}

/** Returns the record key, which only one record can have. */
export const recordKeyOf = ({ actor, thread, clock }: FleetRecord): string => `${actor} ${thread} ${clock}`;

/** Runs a check of one of many records; an error names the record's place in the list. */
export function named<T>(index: number, many: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (many === 1 || !(error instanceof FleetError)) throw error;
    const { code, message, details, hint } = error;
    throw new FleetError(code, `record ${index}: ${message}`, {
      details: { ...details, index },
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}
