import type { RecordsRestore } from '../../contract/commands.ts';
import type { RestoredDocument } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { admitRecord } from '../../domain/policy/admission.ts';
import { isReservedTopic, TOPIC, topicOf } from '../../domain/model/record-bodies.ts';
import type { Issuer } from '../../domain/commands/fan-out.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import type { OutBatch } from '../../domain/coordinator/decision-buffer.ts';
import type { Log } from '../../log/log.ts';
import { isInstanceDid, isReservedThread, RESERVED, type Did, type RecordId } from '../../record/ids.ts';
import { decodeRecord, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import { Verifier } from '../../record/signing.ts';
import { named, recordKeyOf } from './append-records.ts';
import { mapYielding } from '../../yield-to-event-loop.ts';

type Signature = NonNullable<OutBatch['signature']>;

/** A record of a snapshot, with its signature if that could be verified. */
export interface Restored {
  readonly sealed: SealedRecord;
  readonly signature: Signature | undefined;
}

/**
 * Decodes the records of a snapshot, recomputes each id, and verifies each signature. A signature by an unknown key
 * proves nothing, and is dropped.
 * @throws INVALID_RECORD, TOO_LARGE naming the record's place in the list
 */
export async function decodeRestored({ records, signatures }: RecordsRestore): Promise<Restored[]> {
  const checked = signatures.map(checkSignature);
  const covered = checked.map(signature => signature && new Set(signature.ids));
  return mapYielding(records, ({ record, signature: index }, i) =>
    named(i, records.length, () => {
      const sealed = decodeRecord(record);
      if (index === null) return { sealed, signature: undefined };
      if (index >= signatures.length) throw invalid(`signature ${index} is missing`);
      if (covered[index]?.has(sealed.record.id) === false)
        throw invalid(`its signature does not cover '${sealed.record.id}'`);
      return { sealed, signature: checked[index] };
    }),
  );
}

function checkSignature({
  by,
  sig,
  ids,
  public_key: key,
}: RecordsRestore['signatures'][number]): Signature | undefined {
  if (key === null) return undefined;
  const signature = { by: by as Did, sig, ids: ids as RecordId[] };
  if (!new Verifier(key).verifies(signature, signature.ids))
    throw invalid(`a signature in the name of '${by}' was not made by that instance`);
  return signature;
}

/**
 * Restores all records from another home, or none when one is refused. Skips existing records. The work of another
 * fleet is only history here: the thread of a task is marked before its records, so that no task is created and nothing
 * runs.
 * @throws SCOPE_FORBIDDEN for the fleet's own threads, and for records by this instance that it did not write
 * @throws CONFLICT for a conflicting record, unless such records are to be skipped
 * @throws NAMESPACE_REJECTED, NAMESPACE_FROZEN as for any record
 */
export function restoreRecords(
  coordinator: Coordinator,
  entries: readonly Restored[],
  log: Pick<Log, 'find' | 'findByKey'>,
  { on_conflict: choice, dry_run: dryRun }: Pick<RecordsRestore, 'on_conflict' | 'dry_run'>,
  cel: CelCompiler,
  issuer: Issuer,
): RestoredDocument {
  const fresh = new Map<RecordId, Restored>();
  const recordKeys = new Set<string>();
  const leftOut: RestoredDocument['left_out'] = [];
  let existing = 0;
  entries.forEach((entry, i) => {
    const { record } = entry.sealed;
    if (fresh.has(record.id) || log.find(record.id) !== undefined) return void existing++;
    const conflict = named(i, entries.length, () => {
      examine(coordinator, record, cel, issuer);
      const found = conflictOf(coordinator, record, recordKeys, log);
      if (found !== undefined && choice === 'fail') throw conflictWith(record, found);
      return found;
    });
    if (conflict === undefined) {
      fresh.set(record.id, entry);
      recordKeys.add(recordKeyOf(record));
    } else if (choice === 'accept-existing') existing++;
    else leftOut.push(leftOutEntry(record, conflict));
  });
  if (!dryRun) write(coordinator, [...fresh.values()], issuer);
  return { written: fresh.size, existing, left_out: leftOut };
}

/** Throws for a record that a snapshot must not contain. */
function examine({ state, self }: Coordinator, record: FleetRecord, cel: CelCompiler, { now }: Issuer): void {
  const { actor, thread } = record;
  if (isReservedThread(thread))
    throw forbidden(`the thread '${thread}' describes its own home and can't be restored`, record);
  if (actor === self)
    throw forbidden(
      `it names this instance as its author, but this instance did not write it`,
      record,
      "To restore a home's own log, copy its folder.",
    );
  admitRecord(state, record, cel, now);
}

/** Describes the conflict of a record with the records here, as a sentence; undefined without one. */
function conflictOf(
  { state }: Coordinator,
  record: FleetRecord,
  recordKeys: ReadonlySet<string>,
  log: Pick<Log, 'findByKey'>,
): string | undefined {
  const { actor, thread, clock } = record;
  if (recordKeys.has(recordKeyOf(record)) || log.findByKey(actor, thread, clock) !== undefined)
    return `${actor} has written another record with clock ${clock} on ${thread}`;
  if (isOfFleet(record) && state.tasks.has(thread))
    return `the task on ${thread} belongs to this home, and the record is not part of it`;
  return undefined;
}

const isOfFleet = (record: FleetRecord): boolean =>
  isInstanceDid(record.actor) || isReservedTopic(topicOf(record));

function write(coordinator: Coordinator, entries: readonly Restored[], issuer: Issuer): void {
  for (const { sealed } of entries) mark(coordinator, sealed.record, issuer);
  for (let from = 0, to = 0; from < entries.length; from = to) {
    const { signature } = entries[from]!;
    while (to < entries.length && entries[to]!.signature === signature) to++;
    const records = entries.slice(from, to).map(({ sealed }) => sealed);
    coordinator.writeRestored(signature === undefined ? { records } : { records, signature }, issuer.now);
  }
}

/** Marks the record's thread as restored if the record would otherwise create a task. */
function mark(coordinator: Coordinator, record: FleetRecord, { actor, now }: Issuer): void {
  const { thread } = record;
  if (topicOf(record) !== TOPIC.task || coordinator.state.restored.has(thread)) return;
  const body = { topic: TOPIC.threadRestored, thread, issued_by: actor, issued_at_unix: now / 1000 } as const;
  coordinator.write({ act: 'LEARN', thread: RESERVED.engineConfig, body }, now);
}

function leftOutEntry(
  { id, thread, actor, clock }: FleetRecord,
  reason: string,
): RestoredDocument['left_out'][number] {
  return { id, thread, actor, clock, reason };
}

function conflictWith({ id, actor, thread, clock }: FleetRecord, why: string): FleetError {
  return new FleetError('CONFLICT', why, {
    details: { id, actor, thread, clock },
    hint: 'Skip such records with --on-conflict skip, or keep the existing ones with --on-conflict accept-existing.',
  });
}

function forbidden(why: string, { id, actor, thread }: FleetRecord, hint?: string): FleetError {
  return new FleetError('SCOPE_FORBIDDEN', why, {
    details: { id, actor, thread },
    ...(hint === undefined ? {} : { hint }),
  });
}

const invalid = (what: string): FleetError => new FleetError('INVALID_RECORD', `not a valid record: ${what}`);
