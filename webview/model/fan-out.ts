import { isFollowUp } from '../../engine/contract/fan-out-documents.ts';
import { sumUsd } from '../../engine/contract/money.ts';
import type { AttemptRow, ChildRow, JoinRow, SpeedupRow } from '../protocol.ts';
import { packLane, type Bar, type Lane } from './lanes.ts';
import { lookOf, lookOfVerdict } from './looks.ts';

/**
 * A fan-out as the host has sent it. The cost of a change depends on its size: only the lanes of its workers are laid
 * out again, when they are next read.
 */
export class FanOutModel {
  #join: JoinRow | null = null;
  #rows: (ChildRow | undefined)[] = [];
  readonly #barsOf = new Map<string, Map<number, readonly Bar[]>>();
  readonly #lanes = new Map<string, Lane>();
  readonly #stale = new Set<string>();
  #order: readonly Lane[] | null = null;
  #known = 0;
  #untimed = 0;
  #costUsd = 0;
  #unknownCosts = 0;
  #running = 0;
  #version = 0;

  /** The version of the model, which rises with each change. */
  get version(): number {
    return this.#version;
  }

  get join(): JoinRow | null {
    return this.#join;
  }

  /** The rows by index. A place is empty until its row has arrived. */
  get rows(): readonly (ChildRow | undefined)[] {
    return this.#rows;
  }

  /** The number of rows that have arrived. */
  get known(): number {
    return this.#known;
  }

  /** The number of attempts that ran and have no times. */
  get untimed(): number {
    return this.#untimed;
  }

  /** The cost of all attempts, including earlier ones. */
  get costUsd(): number {
    return this.#costUsd;
  }

  /** The number of attempts without a known cost. */
  get unknownCosts(): number {
    return this.#unknownCosts;
  }

  /** The number of subtasks with an attempt under way that has started. */
  get running(): number {
    return this.#running;
  }

  apply(change: { join: JoinRow; children: readonly ChildRow[]; reset: boolean }): void {
    if (change.reset) this.#clear();
    this.#join = change.join;
    for (const row of change.children) this.#put(row);
    this.#version += 1;
  }

  /** The lanes, sorted by the worker's name: one for each worker with an attempt whose times are known. */
  lanes(): readonly Lane[] {
    for (const worker of this.#stale) {
      const bars = [...(this.#barsOf.get(worker)?.values() ?? [])].flat();
      if (bars.length === 0) this.#lanes.delete(worker);
      else this.#lanes.set(worker, packLane(worker, bars));
    }
    if (this.#stale.size > 0 || this.#order === null) {
      this.#order = [...this.#lanes.values()].sort((a, b) => byName(a.worker, b.worker));
    }
    this.#stale.clear();
    return this.#order;
  }

  /** Returns the first and the last moment, in unix seconds; null while nothing has a time. */
  span(nowUnix: number): { start: number; end: number } | null {
    const lanes = this.lanes();
    const { opened_unix: opened = null, joined_unix: joined = null, complete = false } = this.#join ?? {};
    const starts = lanes.map(lane => lane.bars[0]!.start);
    const first = Math.min(opened ?? Infinity, ...starts);
    if (!Number.isFinite(first)) return null;
    let end = joined ?? first;
    for (const lane of lanes) end = Math.max(end, lane.lastEnd);
    if (!complete || lanes.some(({ open }) => open)) end = Math.max(end, nowUnix);
    return { start: first, end: Math.max(end, first + 0.001) };
  }

  #clear(): void {
    this.#rows = [];
    this.#barsOf.clear();
    this.#lanes.clear();
    this.#stale.clear();
    this.#order = null;
    this.#known = this.#untimed = this.#costUsd = this.#unknownCosts = this.#running = 0;
  }

  #put(row: ChildRow): void {
    const before = this.#rows[row.index];
    // A row far beyond the end would make the array sparse. The host never sends one.
    if (row.index >= Math.max(this.#join?.subtasks ?? 0, this.#rows.length)) return;
    this.#rows[row.index] = row;
    if (before === undefined) this.#known += 1;
    else this.#count(before, -1);
    this.#count(row, 1);
    for (const worker of before === undefined ? [] : workersOf(before)) {
      this.#barsOf.get(worker)?.delete(row.index);
      this.#stale.add(worker);
    }
    for (const bar of barsOf(row)) this.#addBar(bar);
  }

  #count(row: ChildRow, sign: 1 | -1): void {
    this.#costUsd = sumUsd([this.#costUsd, sign * costOf(row)]);
    this.#unknownCosts += sign * unknownCostsOf(row);
    this.#untimed += sign * untimedOf(row);
    this.#running += sign * (isRunning(row) ? 1 : 0);
  }

  #addBar(bar: Bar): void {
    let lane = this.#barsOf.get(bar.worker);
    if (lane === undefined) this.#barsOf.set(bar.worker, (lane = new Map<number, readonly Bar[]>()));
    lane.set(bar.index, [...(lane.get(bar.index) ?? []), bar]);
    this.#stale.add(bar.worker);
  }
}

/** Returns true if the row's attempt has started; false for one that was only delivered to a worker. */
export const isRunning = (row: ChildRow): boolean => row.state === 'running' && row.started_unix !== null;

/** Returns the duration of the present attempt so far, in seconds; null before it has started. */
export function elapsedOf(row: ChildRow, nowUnix: number): number | null {
  if (row.state === 'pending') return null;
  if (row.state === 'done') return row.wall_time_secs;
  return row.started_unix === null ? null : Math.max(0, nowUnix - row.started_unix);
}

export const costOf = (row: ChildRow): number =>
  sumUsd([row, ...row.earlier_attempts].map(({ cost_usd: usd }) => usd));

/** Returns the number of a subtask's attempts without a known cost. */
export const unknownCostsOf = (row: ChildRow): number =>
  [row, ...row.earlier_attempts].filter(({ cost_unknown: isUnknown }) => isUnknown === true).length;

export const titleOf = (row: ChildRow): string => row.name ?? firstLine(row.goal);

/** Returns the bars of a subtask: its attempts with a known worker and start, the earlier ones first. */
function barsOf(row: ChildRow): readonly Bar[] {
  const { index, worker, started_unix: start, attempt, after_join: afterJoin } = row;
  const label = titleOf(row);
  const bars = row.earlier_attempts.flatMap(earlier => earlierBar(row, label, earlier));
  if (worker === null || start === null || row.state === 'pending') return bars;
  const end = row.state === 'done' ? (row.ended_unix ?? start + row.wall_time_secs) : null;
  const present = { index, attempt, worker, start, end, look: lookOf(row), label, afterJoin };
  return [...bars, { ...present, present: true }];
}

function earlierBar(row: ChildRow, label: string, earlier: AttemptRow): readonly Bar[] {
  const { attempt, worker, started_unix: start, verdict } = earlier;
  if (worker === null || start === null) return [];
  const look = lookOfVerdict(verdict);
  const end = earlier.ended_unix ?? start + earlier.wall_time_secs;
  return [{ index: row.index, attempt, worker, start, end, look, label, afterJoin: false, present: false }];
}

function workersOf(row: ChildRow): ReadonlySet<string> {
  const workers = [row.worker, ...row.earlier_attempts.map(({ worker }) => worker)];
  return new Set(workers.filter(worker => worker !== null));
}

function untimedOf(row: ChildRow): number {
  const ended = row.state === 'done' ? [row, ...row.earlier_attempts] : row.earlier_attempts;
  return ended.filter(({ started_unix: start, wall_time_secs: secs }) => start === null && secs > 0).length;
}

/**
 * Returns the subtasks that bound the run's time: the report's critical path, or the longest subtask if there are no
 * dependencies.
 */
export function criticalIndices(
  report: SpeedupRow | null,
  rows: readonly (ChildRow | undefined)[],
): readonly number[] {
  if (report === null) return [];
  if (report.critical_path.length > 0) return report.critical_path;
  let longest: ChildRow | null = null;
  for (const row of rows) {
    if (row?.state !== 'done' || row.started_unix === null || isFollowUp(row)) continue;
    if (longest === null || row.wall_time_secs > longest.wall_time_secs) longest = row;
  }
  return longest === null ? [] : [longest.index];
}

const firstLine = (text: string): string => text.trimStart().split('\n', 1)[0]!;

const collator = new Intl.Collator('en', { numeric: true });
const byName = (a: string, b: string): number => collator.compare(a, b);
