import type { HomePaths } from '../home/paths.ts';
import type { Log } from '../log/log.ts';
import type { RecordSource, ThreadRow } from './reports.ts';

/** Searches the log of a home. */
export function openRecords(_paths: HomePaths, log: Log, _thread: string): RecordSource {
  return {
    async positions(filter) {
      const found: number[] = [];
      for await (const { position, record } of log.read(0)) {
        if (filter.after !== undefined && position <= filter.after) continue;
        if (filter.thread !== undefined && record.thread !== filter.thread) continue;
        if (filter.actor !== undefined && record.actor !== filter.actor) continue;
        if (filter.act !== undefined && record.act !== filter.act) continue;
        found.push(position);
        if (found.length >= filter.limit) break;
      }
      return found;
    },
    async threads() {
      const rows = new Map<string, ThreadRow>();
      for await (const { position, at, record } of log.read(0)) {
        const row = rows.get(record.thread);
        rows.set(
          record.thread,
          row
            ? { ...row, records: row.records + 1, lastAt: at }
            : { thread: record.thread, records: 1, firstPosition: position, firstAt: at, lastAt: at },
        );
      }
      return { threads: [...rows.values()], total: rows.size };
    },
    query: () => Promise.reject(new Error('not yet')),
    close: () => Promise.resolve(),
  };
}
