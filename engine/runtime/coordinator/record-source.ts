import type { QueryDocument } from '../../contract/documents.ts';
import type { Position } from '../../log/log.ts';
import type { RecordSearch, ThreadRow } from '../../operations/context.ts';

/** Searches the log for several holders. Every answer takes all records into account that are durable at the call. */
export interface RecordSource {
  /** Positions after `after`, ascending, at most `limit`. */
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

/** The holder who asks: holders take turns, and a question that nobody waits for any more is dropped. */
export interface Asker {
  readonly holder?: string;
  readonly signal?: AbortSignal;
}

/** The records as one asker asks for them. */
export function askedBy(records: RecordSource, asker: Asker): RecordSearch {
  return {
    positions: filter => records.positions(filter, asker),
    threads: options => records.threads(options, asker),
    query: (sql, limit) => records.query(sql, limit, asker),
  };
}
