import * as v from 'valibot';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { cut, MAX_LISTED, whole } from './limits.ts';
import { memberOf, rowCodec, type Packed, type RowOf } from './packed-row.ts';

export const VERDICTS = ['accept', 'reject', 'failed', 'timeout', 'cancelled', 'skipped'] as const;
export const WHENS = ['accepted', 'failed', 'always'] as const;
export const CHILD_STATES = ['pending', 'running', 'done'] as const;
export type Verdict = (typeof VERDICTS)[number];
export type ChildState = (typeof CHILD_STATES)[number];

type EarlierDocument = ChildDocument['earlier_attempts'][number];

const text = v.string();
const number = v.number();

const earlier = memberOf<EarlierDocument>();
const EARLIER = {
  attempt: earlier(whole, ({ attempt }) => attempt),
  worker: earlier(v.nullable(text), ({ worker }) => worker),
  verdict: earlier(text, ({ verdict }) => verdict),
  reason: earlier(v.nullable(text), ({ reason }) => cut(reason)),
  /** Null if the tool did not report it. */
  costUsd: earlier(v.nullable(number), costOf),
  wallSecs: earlier(number, ({ wall_time_secs: secs }) => secs),
  startedUnix: earlier(v.nullable(number), ({ started_unix: started }) => started),
  endedUnix: earlier(v.nullable(number), ({ ended_unix: ended }) => ended),
};
/** An attempt that ended before the present one. */
export type EarlierAttempt = RowOf<typeof EARLIER>;
const earlierCodec = rowCodec<EarlierDocument, typeof EARLIER>(EARLIER);

const child = memberOf<ChildDocument>();
const CHILD = {
  index: child(whole, ({ index }) => index),
  name: child(v.nullable(text), ({ name }) => cut(name)),
  goal: child(text, ({ goal }) => cut(goal)),
  target: child(text, ({ target }) => target),
  worker: child(v.nullable(text), ({ worker }) => worker),
  state: child(v.picklist(CHILD_STATES), ({ state }) => state),
  verdict: child(v.nullable(v.picklist(VERDICTS)), ({ verdict }) => verdict),
  reason: child(v.nullable(text), ({ reason }) => cut(reason)),
  /** Null if the tool did not report it. */
  costUsd: child(v.nullable(number), costOf),
  /** The time of the present attempt, up to the moment of the message. */
  wallSecs: child(number, ({ wall_time_secs: secs }) => secs),
  startedUnix: child(v.nullable(number), ({ started_unix: started }) => started),
  endedUnix: child(v.nullable(number), ({ ended_unix: ended }) => ended),
  attempt: child(whole, ({ attempt }) => attempt),
  executor: child(text, ({ executor }) => executor),
  exitCode: child(v.nullable(number), ({ exit_code: code }) => code),
  signal: child(v.nullable(text), ({ signal }) => signal),
  summary: child(v.nullable(text), ({ summary }) => cut(summary)),
  /** At most 200 of them; `dependsOnCount` counts all. */
  dependsOn: child(v.array(whole), ({ depends_on: on }) => on.slice(0, MAX_LISTED)),
  dependsOnCount: child(whole, ({ depends_on: on }) => on.length),
  earlier: child(v.array(earlierCodec.schema), ({ earlier_attempts: all }) =>
    all.slice(-MAX_LISTED).map(earlierCodec.pack),
  ),
  afterJoin: child(v.boolean(), ({ after_join: after }) => after),
  leftGroup: child(v.array(text), ({ left_group: left }) => left.slice(0, MAX_LISTED)),
  /** `failed` and `always` are follow-ups, outside the join. */
  when: child(v.picklist(WHENS), ({ when }) => when),
};
const childCodec = rowCodec<ChildDocument, typeof CHILD>(CHILD);

/** A subtask in the view. */
export interface ChildRow extends Omit<RowOf<typeof CHILD>, 'earlier'> {
  readonly earlier: readonly EarlierAttempt[];
}
export type PackedChild = Packed<RowOf<typeof CHILD>>;
export const packedChildSchema = childCodec.schema;

/** Returns the tuple of a subtask's document. */
export const packChild = (document: ChildDocument): PackedChild => childCodec.pack(document);

/** Returns the row of a tuple. */
export function unpackChild(packed: PackedChild): ChildRow {
  const row = childCodec.unpack(packed);
  return { ...row, earlier: row.earlier.map(earlierCodec.unpack) };
}

function costOf({ cost_usd: usd, cost_unknown: isUnknown }: ChildDocument | EarlierDocument): number | null {
  return isUnknown === true ? null : usd;
}
