import type {
  QueryDocument,
  RecordDocument,
  ReplayDocument,
  ThreadsDocument,
  ThreadState,
} from '../../contract/documents.ts';
import { fields, moment, oneLine, plural, table } from '../../contract/format.ts';

export function threadListLines({ threads, total }: ThreadsDocument): readonly string[] {
  const rows = threads.map(({ thread, kind, records, last_unix, title }) => [
    thread,
    kind,
    String(records),
    moment(last_unix),
    oneLine(title ?? '', 60),
  ]);
  return [
    ...table(['THREAD', 'KIND', 'RECORDS', 'LAST', 'TITLE'], rows),
    '',
    threads.length === total
      ? plural(total, 'thread')
      : `${threads.length} of ${plural(total, 'thread')}; see --limit and --after`,
  ];
}

export function threadStateLines(state: ThreadState): readonly string[] {
  const acts = Object.entries(state.acts).map(([act, count]) => `${count} ${act}`);
  return [
    state.thread,
    ...fields([
      ['Kind', state.kind],
      ['Title', state.title === null ? null : oneLine(state.title, 200)],
      ['Status', state.status],
      ['Records', `${state.records}${acts.length === 0 ? '' : ` (${acts.join(', ')})`}`],
      ['Actors', state.actors.length === 0 ? null : state.actors.join(', ')],
      ['First', state.first_unix === null ? null : moment(state.first_unix)],
      ['Last', state.last_unix === null ? null : moment(state.last_unix)],
    ]),
  ];
}

export function recordLines(records: readonly RecordDocument[]): readonly string[] {
  const rows = records.map(({ clock, act, actor, id, body }) => [
    String(clock),
    act,
    actor,
    id.slice(0, 12),
    oneLine(JSON.stringify(body), 96),
  ]);
  return [...table(['CLOCK', 'ACT', 'ACTOR', 'ID', 'BODY'], rows), '', plural(records.length, 'record')];
}

export function replayLines(replay: ReplayDocument): readonly string[] {
  const rows = replay.steps.map(({ clock, act, actor, status, changed, body }) => [
    String(clock),
    act,
    actor,
    changed ? `→ ${status}` : `  ${status}`,
    oneLine(body, 96),
  ]);
  return [
    ...table(['CLOCK', 'ACT', 'ACTOR', 'STATUS', 'BODY'], rows),
    '',
    `final status: ${replay.final_status} · ${plural(replay.count, 'record')}`,
  ];
}

export function queryLines({ columns, rows, truncated }: QueryDocument): readonly string[] {
  const cells = rows.map(row => row.map(cell => (cell === null ? 'NULL' : String(cell))));
  return [
    ...table(columns, cells),
    '',
    truncated ? `${plural(rows.length, 'row')}, and more: see --limit` : plural(rows.length, 'row'),
  ];
}
