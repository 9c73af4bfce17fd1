import type { Look } from './looks.ts';

/** One attempt as a bar: its subtask, its start and its end, in unix seconds. */
export interface Bar {
  readonly index: number;
  readonly attempt: number;
  readonly worker: string;
  readonly start: number;
  /** Null while it runs. */
  readonly end: number | null;
  readonly look: Look;
  readonly label: string;
  readonly afterJoin: boolean;
  /** True for an attempt that was lost with its worker. Where its start is unknown, `start` is its end. */
  readonly lost: boolean;
  /** False for an attempt that was replaced by a later one of the same subtask. */
  readonly present: boolean;
}

/**
 * The attempts of one worker, in as many tracks as ran at a time. The bars of a track are in order and do not overlap.
 */
export interface Lane {
  readonly worker: string;
  readonly tracks: readonly (readonly Bar[])[];
  /** All bars of the lane, by start. */
  readonly bars: readonly Bar[];
  /** The latest end of an attempt, in unix seconds; minus infinity if none has ended. */
  readonly lastEnd: number;
  /** True while an attempt runs. */
  readonly open: boolean;
}

/**
 * The distance below which moments count as one, in seconds. A worker starts an attempt in the millisecond in which the
 * previous one ended.
 */
const SAME_MOMENT_SECS = 0.002;

/** Puts each bar into the first track that is free at its start. */
export function packLane(worker: string, bars: readonly Bar[]): Lane {
  const ordered = [...bars].sort(byStart);
  const tracks: Bar[][] = [];
  for (const bar of ordered) {
    const free = tracks.find(track => isFree(track.at(-1)!, bar.start));
    if (free === undefined) tracks.push([bar]);
    else free.push(bar);
  }
  const lastEnd = ordered.reduce((last, { end }) => Math.max(last, end ?? -Infinity), -Infinity);
  return { worker, tracks, bars: ordered, lastEnd, open: ordered.some(({ end }) => end === null) };
}

export const byStart = (a: Bar, b: Bar): number =>
  a.start - b.start || a.index - b.index || a.attempt - b.attempt;

const isFree = (last: Bar, start: number): boolean =>
  last.end !== null && last.end <= start + SAME_MOMENT_SECS;
