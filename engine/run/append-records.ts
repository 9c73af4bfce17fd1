import type { Commands } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import { isReservedTopic, topicOf } from '../fleet/bodies.ts';
import type { Log } from '../log/log.ts';
import { isInstanceDid, isReservedThread } from '../record/ids.ts';
import { decodeRecord, type FleetRecord, type SealedRecord } from '../record/record.ts';

export interface AppendContext {
  readonly log: Log;
  readonly write: (sealed: SealedRecord) => void;
}

/**
 * Takes records that a client made: all or, when one is refused, none. A record that is there already is no error.
 * @throws INVALID_RECORD, SCOPE_FORBIDDEN, NAMESPACE_REJECTED, CONFLICT, naming the record's place in the list.
 */
export function appendRecords(
  values: readonly unknown[],
  context: AppendContext,
): Commands['records.append']['output'] {
  const fresh = new Map<string, SealedRecord>();
  const slots = new Set<string>();
  const stored = values.map((value, i) => {
    const sealed = named(i, values.length, () => admit(value, slots, fresh, context.log));
    const existed = fresh.has(sealed.record.id) || context.log.find(sealed.record.id) !== undefined;
    if (!existed) fresh.set(sealed.record.id, sealed);
    return { object: 'record' as const, id: sealed.record.id, existed };
  });
  for (const sealed of fresh.values()) context.write(sealed);
  return { stored };
}

function admit(
  value: unknown,
  slots: Set<string>,
  fresh: ReadonlyMap<string, SealedRecord>,
  log: Log,
): SealedRecord {
  const sealed = decodeRecord(value);
  const { record } = sealed;
  refuseForbidden(record);
  refuseNamespace(record);
  if (!fresh.has(record.id) && log.find(record.id) === undefined) refuseTakenSlot(record, slots, log);
  slots.add(slotOf(record));
  return sealed;
}

function refuseForbidden(record: FleetRecord): void {
  const topic = topicOf(record);
  const why = isInstanceDid(record.actor)
    ? `only the instance itself writes as ${record.actor}`
    : isReservedThread(record.thread)
      ? `the thread '${record.thread}' is the fleet's own`
      : isReservedTopic(topic)
        ? `the topic '${topic}' is the fleet's own`
        : undefined;
  if (why !== undefined)
    throw new FleetError('SCOPE_FORBIDDEN', why, { details: { actor: record.actor, thread: record.thread } });
}

function refuseNamespace({ body }: FleetRecord): void {
  const namespace = body['namespace'];
  if (namespace === undefined || namespace === 'default') return;
  if (typeof namespace !== 'string')
    throw new FleetError('INVALID_RECORD', 'not a valid record: body.namespace is not text', {
      details: { field: 'body.namespace' },
    });
  throw new FleetError(
    'NAMESPACE_REJECTED',
    `namespace '${namespace}' is not registered: '${namespace}' is missing`,
    {
      details: { namespace },
      hint: "Namespaces other than 'default' come in a later version.",
    },
  );
}

function refuseTakenSlot(record: FleetRecord, slots: ReadonlySet<string>, log: Log): void {
  if (!slots.has(slotOf(record)) && log.findSlot(record.actor, record.thread, record.clock) === undefined)
    return;
  throw new FleetError(
    'CONFLICT',
    `${record.actor} has written another record with clock ${record.clock} on ${record.thread}`,
    {
      details: { actor: record.actor, thread: record.thread, clock: record.clock },
      hint: 'Let the clock rise with every record.',
    },
  );
}

const slotOf = ({ actor, thread, clock }: FleetRecord): string => `${actor} ${thread} ${clock}`;

function named<T>(index: number, many: number, run: () => T): T {
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
