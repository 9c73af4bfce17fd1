import { createHash, type Hash } from 'node:crypto';
import * as v from 'valibot';
import type { RecordsRestore } from '../contract/commands.ts';
import {
  SNAPSHOT_VERSION,
  snapshotLineSchema,
  type SnapshotHeader,
  type SnapshotLine,
  type SnapshotRecord,
  type SnapshotSignature,
} from '../contract/snapshot.ts';
import { FleetError } from '../errors.ts';
import type { Host } from './host.ts';
import { linesOf } from './lines.ts';

/** The longest line, in characters: a record has at most 64 MiB. */
const MAX_LINE_CHARS = 128 * 1024 * 1024;
/** The limits of one restore request, in records and in characters. A single larger record is still sent. */
const PART_RECORDS = 1_000;
const PART_CHARS = 4 * 1024 * 1024;

type Part = Pick<RecordsRestore, 'records' | 'signatures'>;

/**
 * Yields the records of a snapshot in parts that each fit in a request. Holds one part, and a few bytes per record. The
 * file is known to be complete only after the last part.
 * @throws INVALID_RECORD with the wrong line, or because the file was cut or changed
 */
export async function* readSnapshot(
  file: string,
  host: Pick<Host, 'cwd' | 'env' | 'stdin'>,
): AsyncGenerator<Part> {
  const digest = createHash('sha256');
  const recordKeys = new Set<string>();
  const part = new PartBuilder();
  let end: (SnapshotLine & { line: 'end' }) | undefined;
  let records = 0;
  for await (const { line: text, number } of linesOf(file, host, {
    what: 'snapshot',
    maxChars: MAX_LINE_CHARS,
  })) {
    const line = parseLine(text, number);
    if (end !== undefined) throw invalid(number, 'it comes after the end');
    if ((number === 1) !== (line.line === 'header')) throw invalid(number, 'the header is the first line');
    if (line.line === 'end') checkEnd((end = line), records, digest, number);
    digest.update(`${text}\n`);
    if (line.line === 'header') checkVersion(line);
    else if (line.line === 'signature') part.signature(line);
    else if (line.line === 'record') {
      takeRecordKey(line, recordKeys, number);
      if (!part.record(line, text.length)) throw invalid(number, 'its signature is missing above it');
      records++;
      if (part.isFull) yield part.take();
    }
  }
  if (end === undefined)
    throw new FleetError(
      'INVALID_RECORD',
      `the snapshot is cut off after ${records} records: it has no end`,
      {
        details: { records },
        hint: 'Write it again: spl thread snapshot',
      },
    );
  if (part.count > 0) yield part.take();
}

/** Gathers records, each with its signature, until they fill a request. */
class PartBuilder {
  #part: { records: RecordsRestore['records']; signatures: RecordsRestore['signatures'] } = {
    records: [],
    signatures: [],
  };
  #last: SnapshotSignature | undefined;
  #isListed = false;
  #chars = 0;

  get count(): number {
    return this.#part.records.length;
  }

  get isFull(): boolean {
    return this.count >= PART_RECORDS || this.#chars >= PART_CHARS;
  }

  signature(line: SnapshotSignature): void {
    this.#last = line;
    this.#isListed = false;
  }

  /** @returns false if no signature precedes a signed record */
  record({ record, signed }: SnapshotRecord, chars: number): boolean {
    if (signed && this.#last === undefined) return false;
    if (signed && !this.#isListed) this.#list(this.#last!);
    this.#part.records.push({ record, signature: signed ? this.#part.signatures.length - 1 : null });
    this.#chars += chars;
    return true;
  }

  take(): Part {
    const part = this.#part;
    this.#part = { records: [], signatures: [] };
    this.#isListed = false;
    this.#chars = 0;
    return part;
  }

  #list({ by, sig, ids, public_key }: SnapshotSignature): void {
    this.#part.signatures.push({ by, sig, ids, public_key });
    this.#chars += ids.length * 67;
    this.#isListed = true;
  }
}

function parseLine(text: string, number: number): SnapshotLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid(number, 'it is not JSON', cause);
  }
  const result = v.safeParse(snapshotLineSchema, parsed, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(number, `${v.getDotPath(issue) ?? 'it'} ${issue.message}`);
}

function checkVersion({ version }: SnapshotHeader): void {
  if (version === SNAPSHOT_VERSION) return;
  throw new FleetError(
    'INVALID_RECORD',
    `the snapshot has version ${version}; this spl reads ${SNAPSHOT_VERSION}`,
    {
      details: { version },
      hint: 'Restore it with the spl that made it, or a newer one.',
    },
  );
}

function checkEnd(
  { records: stated, sha256 }: SnapshotLine & { line: 'end' },
  records: number,
  digest: Hash,
  number: number,
): void {
  if (stated !== records)
    throw invalid(number, `it states ${stated} records, but the snapshot has ${records}`);
  if (digest.copy().digest('hex') !== sha256)
    throw invalid(number, 'its digest does not match the lines above it');
}

/** Refuses two records with the same record key. The engine cannot, because it sees only one part at a time. */
function takeRecordKey({ record }: SnapshotRecord, recordKeys: Set<string>, number: number): void {
  const { actor, thread, clock } = record;
  const key = createHash('sha256').update(`${actor} ${thread} ${clock}`).digest('base64').slice(0, 16);
  if (recordKeys.has(key))
    throw invalid(number, `there is another record of ${actor} with clock ${clock} on ${thread}`);
  recordKeys.add(key);
}

function invalid(line: number, what: string, cause?: unknown): FleetError {
  return new FleetError('INVALID_RECORD', `line ${line} of the snapshot is wrong: ${what}`, {
    details: { line },
    ...(cause === undefined ? {} : { cause }),
  });
}
