import type { QueryDocument } from '../../contract/documents.ts';
import type { Position } from '../../log/log.ts';
import type { RecordSearch, ThreadRow } from '../../operations/context.ts';

/** Searches the log for several holders. Every answer includes all records that are durable at the time of the call. */
export interface RecordSource {
  /** Returns positions after `after`, ascending, at most `limit`. */
  positions(
    filter: { thread?: string; actor?: string; act?: string; after?: number; limit: number },
    asker?: Asker,
  ): Promise<Position[]>;
  threads(
    options: { limit: number; after?: number; prefix?: string },
    asker?: Asker,
  ): Promise<{ threads: ThreadRow[]; total: number }>;
  query(sql: string, limit: number, asker?: Asker): Promise<QueryDocument>;
  close(): Promise<void>;
}

/** The holder who asks. Holders take turns, and an aborted question is dropped. */
export interface Asker {
  readonly holder?: string;
  readonly signal?: AbortSignal;
}

/** Returns a search on behalf of one asker. */
export function recordSearchFor(records: RecordSource, asker: Asker): RecordSearch {
  return {
    positions: filter => records.positions(filter, asker),
    threads: options => records.threads(options, asker),
    query: (sql, limit) => records.query(sql, limit, asker),
  };
}
