import { createHash } from 'node:crypto';
import type { AuditDocument } from '../contract/documents.ts';
import type { Engine } from '../operations/engine.ts';
import { terminalJson } from '../contract/format.ts';
import {
  isInSnapshots,
  SNAPSHOT_FORMAT,
  SNAPSHOT_VERSION,
  type KnownSignature,
  type SnapshotHeader,
  type SnapshotLine,
  type SnapshotRecord,
} from '../contract/snapshot.ts';

/** The number of records per page. Each record comes with its whole signature. */
const PAGE = 250;

type Reporter = Pick<Engine, 'report'>;

/**
 * Writes the present records of these threads, or of all threads when `undefined`. The engine may keep running.
 * @param atUnix the time of the snapshot, in seconds since 1970
 * @returns the number of records written, and the log position before which every record is included
 */
export async function writeSnapshot(
  engine: Reporter,
  threads: readonly (string | undefined)[],
  atUnix: number,
  line: (text: string) => Promise<void>,
): Promise<{ readonly records: number; readonly end: number }> {
  const { did, records: end } = await engine.report('health', {});
  const writer = new SnapshotWriter(line);
  await writer.header({ home: did, at_unix: atUnix });
  for (const thread of threads)
    for await (const { position, at_unix, record, signature } of entriesBefore(engine, end, thread))
      if (isInSnapshots(record.thread)) await writer.record({ position, at_unix, record }, signature);
  await writer.end();
  return { records: writer.records, end };
}

async function* entriesBefore(engine: Reporter, end: number, thread: string | undefined) {
  const filter = { limit: PAGE, ...(thread === undefined ? {} : { thread }) };
  for (let after: number | null | undefined; after !== null;) {
    const page: AuditDocument = await engine.report('audit', {
      ...filter,
      ...(after === undefined ? {} : { after }),
    });
    for (const entry of page.entries) {
      if (entry.position >= end) return;
      yield entry;
    }
    after = page.next;
  }
}

/** Writes the lines of a snapshot, and counts and hashes them for the last line. */
class SnapshotWriter {
  readonly #write: (text: string) => Promise<void>;
  readonly #digest = createHash('sha256');
  #signature: string | undefined;
  #records = 0;

  constructor(write: (text: string) => Promise<void>) {
    this.#write = write;
  }

  get records(): number {
    return this.#records;
  }

  header({ home, at_unix }: Pick<SnapshotHeader, 'home' | 'at_unix'>): Promise<void> {
    return this.#line({ line: 'header', format: SNAPSHOT_FORMAT, version: SNAPSHOT_VERSION, home, at_unix });
  }

  async record(
    { position, at_unix, record }: Pick<SnapshotRecord, 'position' | 'at_unix' | 'record'>,
    signature: KnownSignature | null,
  ): Promise<void> {
    if (signature !== null && signature.sig !== this.#signature) {
      const { by, sig, ids, public_key } = signature;
      this.#signature = sig;
      await this.#line({ line: 'signature', by, sig, ids, public_key });
    }
    this.#records++;
    await this.#line({ line: 'record', position, at_unix, signed: signature !== null, record });
  }

  end(): Promise<void> {
    return this.#line({ line: 'end', records: this.#records, sha256: this.#digest.copy().digest('hex') });
  }

  #line(line: SnapshotLine): Promise<void> {
    const text = `${terminalJson(line)}\n`;
    this.#digest.update(text);
    return this.#write(text);
  }
}
