import { FleetError } from '../errors.ts';
import { canonical } from './canonical.ts';
import { hash } from './hash.ts';
import { isDid, type Did, type RecordId } from './ids.ts';
import { decodeRecord, type RecordContent, type SealedRecord } from './record.ts';

/**
 * Encodes a record as one line of NDJSON, for the wire and the log: `{"id":"‹64 hex›","r":‹canonical text›}`, with
 * `"j":"‹did›"` before `r` for a judged one. The line contains the canonical text byte for byte, so that a reader can
 * check the id without building the text again.
 */
export function encodeLine(sealed: SealedRecord): string {
  return `${lineStart(sealed)}${sealed.text}}`;
}

/** Returns the part of a record's line before its canonical text; after the text, only `}` follows. */
export function lineStart({ record }: SealedRecord): string {
  const judged = record.judged_by === null ? '' : `,"j":${JSON.stringify(record.judged_by)}`;
  return `{"id":"${record.id}"${judged},"r":`;
}

interface LineShape {
  readonly id: RecordId;
  readonly j?: Did;
  readonly r: RecordContent;
}

/**
 * Decodes the JSON of a line from another process: checks its fields, and that its id is the hash of its canonical
 * text.
 * @throws INVALID_RECORD, TOO_LARGE as `decodeRecord` does.
 */
export function decodeForeignEntry(entry: unknown): SealedRecord {
  if (typeof entry !== 'object' || entry === null)
    throw new FleetError('INVALID_RECORD', 'not a valid record: the line is not a JSON object');
  const { id, j, r } = entry as Partial<LineShape>;
  if (typeof r !== 'object' || r === null)
    throw new FleetError('INVALID_RECORD', 'not a valid record: the line has no content');
  const { act, actor, body, clock, data_type, parents, thread } = r;
  // A record with exactly the seven fields is assembled by hand: copying members is too slow for reports.
  if (Object.keys(r).length === 7 && parents !== undefined)
    return decodeRecord({ act, actor, body, clock, data_type, parents, thread, id, judged_by: j ?? null });
  for (const field of ['id', 'judged_by'] as const) {
    if (Object.hasOwn(r, field))
      throw new FleetError('INVALID_RECORD', `not a valid record: ${field} is not part of the content`, {
        details: { field },
      });
  }
  return decodeRecord({ ...r, id, judged_by: j ?? null });
}

/** As `decodeForeignEntry`, from the text of the line. @throws INVALID_RECORD, TOO_LARGE */
export function decodeForeignLine(line: string): SealedRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw new FleetError('INVALID_RECORD', 'not a valid record: the line is not JSON', { cause });
  }
  return decodeForeignEntry(parsed);
}

/**
 * Reads a line of this instance's own log, which a checksum protects: parses it, without hashing it again. `verifyLine`
 * does that.
 */
export function readOwnLine(line: string): SealedRecord {
  const { id, j, r } = JSON.parse(line) as LineShape;
  const { act, actor, body, clock, data_type, parents, thread } = r;
  const text = line.slice(line.indexOf('"r":') + 4, -1);
  return { record: { act, actor, body, clock, data_type, parents, thread, id, judged_by: j ?? null }, text };
}

/** True when the content of an own line is canonical and hashes to its id. Never throws. */
export function verifyLine({ record, text }: SealedRecord): boolean {
  if (hash(text) !== record.id) return false;
  if (record.judged_by !== null && !isDid(record.judged_by)) return false;
  const { act, actor, body, clock, data_type, parents, thread } = record;
  try {
    return canonical({ act, actor, body, clock, data_type, parents, thread }) === text;
  } catch (error) {
    // Content without a canonical text can't match.
    if (FleetError.is(error, 'INVALID_RECORD')) return false;
    throw error;
  }
}
