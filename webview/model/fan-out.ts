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
  #needsYou = 0;
  #retried = 0;
  #reused = 0;
  /** The starts of attempts that ran here, by subtask: documents of lost attempts do not have them. */
  readonly #startOf = new Map<number, { readonly attempt: number; readonly start: number }[]>();
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

  /** The number of subtasks that wait for a person's answer. */
  get needsYou(): number {
    return this.#needsYou;
  }

  /** The number of subtasks with more than one attempt. */
  get retried(): number {
    return this.#retried;
  }

  /** The number of subtasks that were accepted without a run. */
  get reused(): number {
    return this.#reused;
  }

  /** True if any attempt had a cost, or may have had one. */
  get hasCosts(): boolean {
    return this.#costUsd > 0 || this.#unknownCosts > 0;
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
    this.#needsYou = this.#retried = this.#reused = 0;
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
    this.#noteStart(row);
    for (const bar of barsOf(row, attempt => this.#startOfAttempt(row, attempt))) this.#addBar(bar);
  }

  #noteStart({ index, attempt, state, started_unix: start }: ChildRow): void {
    if (state !== 'running' || start === null) return;
    const known = this.#startOf.get(index) ?? [];
    this.#startOf.set(index, [...known.filter(each => each.attempt !== attempt), { attempt, start }]);
  }

  #startOfAttempt({ index }: ChildRow, attempt: number): number | undefined {
    return this.#startOf.get(index)?.find(each => each.attempt === attempt)?.start;
  }

  #count(row: ChildRow, sign: 1 | -1): void {
    this.#costUsd = sumUsd([this.#costUsd, sign * costOf(row)]);
    this.#unknownCosts += sign * unknownCostsOf(row);
    this.#untimed += sign * untimedOf(row);
    this.#running += sign * (isRunning(row) ? 1 : 0);
    this.#needsYou += sign * (lookOf(row) === 'needsYou' ? 1 : 0);
    this.#retried += sign * (row.attempt > 1 ? 1 : 0);
    this.#reused += sign * (row.reused == null ? 0 : 1);
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

/**
 * Returns the bars of a subtask: its attempts with a known worker and time, the earlier ones first.
 * @param startOf returns the start of an attempt that ran before the eyes of the view
 */
function barsOf(row: ChildRow, startOf: (attempt: number) => number | undefined): readonly Bar[] {
  const { index, attempt, state, after_join: afterJoin } = row;
  const shared = { index, label: titleOf(row) };
  const earlier = row.earlier_attempts.flatMap(each =>
    timedBar(each, startOf(each.attempt), {
      ...shared,
      look: lookOfVerdict(each.verdict),
      afterJoin: false,
      present: false,
    }),
  );
  if (state === 'pending' || attempt === 0) return earlier;
  const present = { ...shared, look: lookOf(row), afterJoin, present: true };
  return [...earlier, ...timedBar(row, startOf(attempt), present, state === 'running')];
}

type Timed = Pick<
  AttemptRow,
  'attempt' | 'worker' | 'started_unix' | 'ended_unix' | 'wall_time_secs' | 'lost'
>;

/** Returns the bar of an attempt. Of a lost one whose start is unknown, shows the moment at which it was lost. */
function timedBar(
  { attempt, worker, started_unix: told, ended_unix: end, wall_time_secs: secs, lost = false }: Timed,
  seen: number | undefined,
  shared: Pick<Bar, 'index' | 'label' | 'look' | 'afterJoin' | 'present'>,
  isOpen = false,
): readonly Bar[] {
  const start = told ?? (lost ? (seen ?? end) : null);
  if (worker === null || start === null) return [];
  return [{ ...shared, attempt, worker, start, end: isOpen ? null : (end ?? start + secs), lost }];
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
