import type { Outcome, SpeedupDocument, Verdict } from '../../contract/documents.ts';
import { sumUsd } from '../../contract/money.ts';
import { makespan } from '../model/schedule.ts';
import { topologicalOrder } from '../model/subtask-graph.ts';

/** One subtask of a run, with the facts of its counted attempt. */
export interface RunChild {
  readonly index: number;
  readonly goal: string;
  readonly name: string | null;
  readonly run: string | null;
  readonly executor: string;
  readonly dir: string | null;
  readonly dependsOn: readonly number[];
  /** Null before it is final. */
  readonly verdict: Verdict | null;
  /** True when it ended after the join, and therefore outside the measured wall. */
  readonly afterJoin: boolean;
  readonly attempt: number;
  readonly wallMs: number;
  readonly costUsd: number;
  /** True when its tool reported no cost. */
  readonly costUnknown?: boolean;
  /** True when an earlier attempt was reused and nothing ran. */
  readonly reused?: boolean;
}

/** An attempt that did not count: failed, retried, cancelled, or ended after the join. */
export interface ExtraAttempt {
  readonly index: number;
  readonly attempt: number;
  readonly verdict: string;
  readonly wallMs: number;
  readonly costUsd: number;
  /** True when its tool reported no cost. */
  readonly costUnknown?: boolean;
}

/** The facts of one round of a fan-out that determine its speed. */
export interface RunFacts {
  readonly thread: string;
  readonly alias: string;
  /** The subtasks for which nothing was run, in words; null for none. */
  readonly echo: string | null;
  /** Null before the join. */
  readonly outcome: Outcome | null;
  /** 1 for the first; each retry of a joined fan-out opens the next. */
  readonly round: number;
  /** True for a baseline: the same subtasks one at a time on one worker. */
  readonly serial: boolean;
  /** The time from the durable start of the fan-out or round to the durable join; null before the join. */
  readonly measuredWallMs: number | null;
  /** The maximum number of attempts that could run at a time on the workers that ran any. */
  readonly slotsUsed: number;
  /** All subtasks, by index from 0. */
  readonly children: readonly RunChild[];
  readonly extraAttempts: readonly ExtraAttempt[];
}

/**
 * Returns the speedup of a run. A speedup is claimed only where both runs did the same work and both were measured. A
 * number without sufficient data is null, and `notes` have the reason. Never Infinity, never NaN.
 */
export function speedupReport(run: RunFacts, serial: RunFacts | null): SpeedupDocument {
  const path = criticalPath(run.children);
  const faults = serial === null ? [] : comparisonFaults(run, serial);
  const comparable = serial !== null && faults.length === 0;
  const extraCost = costOf(run.extraAttempts);
  const parallelMs = makespan(
    run.children.map(({ wallMs, dependsOn }) => ({ wallMs: wallOf(wallMs), dependsOn })),
    Math.max(1, run.slotsUsed),
  );
  return {
    thread: run.thread,
    alias: run.alias,
    subtasks: run.children.length,
    walls_secs: run.children.map(child => secs(child.wallMs)),
    parallel_wall_secs: secs(parallelMs),
    critical_path_secs: secs(path.wallMs),
    critical_path: path.indices,
    measured_wall_secs: run.measuredWallMs === null ? null : secs(run.measuredWallMs),
    total_cost_usd: usd(costOf(run.children) + extraCost),
    unknown_costs: unknownCostsOf(run),
    slots_used: run.slotsUsed,
    extra_attempts: run.extraAttempts.map(extra => ({
      index: extra.index,
      attempt: extra.attempt,
      verdict: extra.verdict,
      wall_time_secs: secs(extra.wallMs),
      cost_usd: extra.costUsd,
      ...(extra.costUnknown === true && { cost_unknown: true }),
    })),
    extra_cost_usd: usd(extraCost),
    echo: run.echo,
    weak: weakEstimate(run, parallelMs),
    measured: comparable ? measure(run, serial, path.wallMs) : null,
    notes: [
      ...runNotes(run),
      ...faults.map(fault => `no measured speedup: ${fault}`),
      ...(comparable ? measurementNotes(run, serial) : []),
    ],
  };
}

/** Returns the critical path by walls; without dependencies its indices are empty. */
function criticalPath(children: readonly RunChild[]): { wallMs: number; indices: number[] } {
  const endMs = new Float64Array(children.length);
  const before = new Int32Array(children.length).fill(-1);
  for (const index of topologicalOrder(children.map(child => ({ depends_on: child.dependsOn })))) {
    const child = children[index]!;
    for (const dependency of child.dependsOn) {
      const latest = before[index]!;
      if (latest < 0 || endMs[dependency]! > endMs[latest]!) before[index] = dependency;
    }
    const start = before[index]! < 0 ? 0 : endMs[before[index]!]!;
    endMs[index] = start + wallOf(child.wallMs);
  }
  const wallMs = endMs.reduce((longest, end) => Math.max(longest, end), 0);
  if (children.every(child => child.dependsOn.length === 0)) return { wallMs, indices: [] };
  const indices: number[] = [];
  for (let index = endMs.indexOf(wallMs); index >= 0; index = before[index]!) indices.push(index);
  return { wallMs, indices: indices.reverse() };
}

/** Returns the estimate. The slots bound it, since the walls are scheduled onto them. */
function weakEstimate(run: RunFacts, parallelMs: number): SpeedupDocument['weak'] {
  const serialMs = run.children.reduce((sum, child) => sum + wallOf(child.wallMs), 0);
  const fault = estimateFault(run);
  return {
    serial_estimate_secs: secs(serialMs),
    speedup: fault === undefined ? ratio(serialMs, parallelMs) : null,
    caveat: fault === undefined ? caveatFor(run) : `no estimate: ${fault}`,
  };
}

/** Returns the reason why the walls of this run support no estimate; undefined for none. */
function estimateFault(run: RunFacts): string | undefined {
  const unaccepted = run.children.filter(child => child.verdict !== 'accept' || child.afterJoin);
  if (unaccepted.length > 0) {
    const when = run.outcome === null ? 'yet' : 'before the join';
    return `${named(unaccepted)} did not run to acceptance ${when}`;
  }
  const reused = reusedIn(run);
  if (reused !== undefined) return reused;
  const again = run.children.filter(child => child.attempt > 1);
  return again.length > 0 ? `${named(again)} ran more than once` : undefined;
}

/** Returns the reason why a run with reused parts supports no claim; undefined for a run without them. */
function reusedIn({ children }: RunFacts): string | undefined {
  const reused = children.filter(child => child.reused === true);
  if (reused.length === 0) return undefined;
  return `${named(reused)} ${reused.length === 1 ? 'was' : 'were'} reused and did not run; --force runs everything`;
}

function caveatFor(run: RunFacts): string {
  if (run.serial) return 'the walls come from a serial run: parallel subtasks slow each other down';
  return (
    'subtasks shared the machine, and their walls include neither waiting nor overhead of the fleet; ' +
    `for a measurement, spl task run-serial ${run.alias}, and pass --vs-serial`
  );
}

function measure(run: RunFacts, serial: RunFacts, criticalMs: number): SpeedupDocument['measured'] {
  const wallMs = run.measuredWallMs!;
  const serialMs = serial.measuredWallMs!;
  const speedup = ratio(serialMs, wallMs);
  return {
    serial_thread: serial.thread,
    serial_wall_secs: secs(serialMs),
    speedup,
    efficiency: speedup === null ? null : ratio(speedup, run.slotsUsed),
    ceiling: ratio(serialMs, criticalMs),
    cost_ratio:
      unknownCostsOf(run) + unknownCostsOf(serial) > 0 ? null : ratio(totalCostOf(run), totalCostOf(serial)),
    overhead_secs: secs(wallMs - criticalMs, -Infinity),
  };
}

/** Returns the reasons why these two runs support no claim; empty when they do. */
function comparisonFaults(run: RunFacts, serial: RunFacts): string[] {
  if (run.serial) return [`${run.thread} is itself a serial run`];
  if (!serial.serial) return [`${serial.thread} is not a serial run`];
  const faults = [
    ...incompleteness(run, 'this run'),
    ...incompleteness(serial, 'the serial run'),
    ...(serial.outcome === null || serial.outcome === 'satisfied'
      ? []
      : [`the serial run's join was ${serial.outcome}`]),
    ...otherWork(run, serial),
  ];
  return faults.length > 0 ? faults : otherVerdicts(run, serial);
}

function incompleteness(run: RunFacts, which: string): string[] {
  if (run.outcome === null || run.measuredWallMs === null) return [`${which} has not joined`];
  if (run.round > 1) return [`${which} is retry ${run.round - 1}, so its wall is that of the retry alone`];
  const reused = reusedIn(run);
  if (reused !== undefined) return [`in ${which}, ${reused}`];
  const missing = unfinished(run);
  return missing.length === 0 ? [] : [`${which} joined without ${named(missing)} having run to the end`];
}

/** Returns the children that did not run to their own end. Without them a wall does not cover the whole work. */
function unfinished(run: RunFacts): readonly RunChild[] {
  const ran: readonly (Verdict | null)[] = ['accept', 'reject', 'failed'];
  return run.children.filter(child => child.afterJoin || !ran.includes(child.verdict));
}

function otherWork(run: RunFacts, serial: RunFacts): string[] {
  const [here, there] = [run.children, serial.children];
  if (here.length !== there.length) {
    return [`the serial run has ${plural(there.length, 'subtask')}, this one ${here.length}`];
  }
  const others = here.filter((child, i) => !isSameWork(child, there[i]!));
  return others.length === 0 ? [] : [`the serial run did other work as ${named(others)}`];
}

function otherVerdicts(run: RunFacts, serial: RunFacts): string[] {
  const ended = run.children.filter((child, i) => child.verdict !== serial.children[i]!.verdict);
  return ended.length === 0 ? [] : [`the runs differ in the verdict of ${named(ended)}`];
}

function isSameWork(a: RunChild, b: RunChild): boolean {
  return a.goal === b.goal && a.run === b.run && a.executor === b.executor && a.dir === b.dir;
}

function runNotes(run: RunFacts): string[] {
  const notes: string[] = [];
  if (run.round > 1) notes.push(`the measured wall is that of retry ${run.round - 1} alone`);
  const reused = reusedIn(run);
  if (reused !== undefined) notes.push(`${reused}: the walls do not cover all work`);
  const missing = unfinished(run);
  if (missing.length > 0) {
    const when = run.outcome === null ? 'yet' : 'before the join';
    notes.push(`${named(missing)} did not run to the end ${when}: the walls do not cover all work`);
  }
  const unaccepted = run.children.filter(({ verdict }) => verdict === 'failed' || verdict === 'reject');
  if (unaccepted.length > 0) notes.push(`${named(unaccepted)} did not accept: the wall is that of a failure`);
  return notes;
}

/** Returns notes on circumstances that flatter or blur a claim. */
function measurementNotes(run: RunFacts, serial: RunFacts): string[] {
  const notes: string[] = [];
  if (serial.extraAttempts.length > 0) {
    notes.push(
      `the serial wall holds ${attempts(serial.extraAttempts)} more than it needed, which inflates the speedup`,
    );
  }
  if (run.extraAttempts.length > 0) {
    notes.push(`the measured wall holds ${attempts(run.extraAttempts)} that did not count`);
  }
  const unknown = unknownCostsOf(run) + unknownCostsOf(serial);
  if (unknown > 0) notes.push(`no cost ratio: the cost of ${plural(unknown, 'attempt')} is unknown`);
  return notes;
}

function attempts(extra: readonly ExtraAttempt[]): string {
  const total = secs(extra.reduce((sum, { wallMs }) => sum + wallOf(wallMs), 0));
  return `${plural(extra.length, 'attempt')} of ${total}s`;
}

/** Formats subtasks as `subtask lint`, `subtasks 1, test-4`: at most ten, by name or else index. */
function named(children: readonly RunChild[]): string {
  const listed = children.slice(0, 10).map(({ name, index }) => name ?? index);
  const more = children.length > listed.length ? ` and ${children.length - listed.length} more` : '';
  return `${children.length === 1 ? 'subtask' : 'subtasks'} ${listed.join(', ')}${more}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function costOf(costs: readonly { readonly costUsd: number }[]): number {
  return sumUsd(costs.map(({ costUsd }) => costUsd));
}

/** Returns the number of attempts without a known cost. */
function unknownCostsOf({ children, extraAttempts }: RunFacts): number {
  return [...children, ...extraAttempts].filter(each => each.costUnknown === true).length;
}

function totalCostOf(run: RunFacts): number {
  return sumUsd([costOf(run.children), costOf(run.extraAttempts)]);
}

/** Returns the ratio; null for a division by zero. */
function ratio(above: number, below: number): number | null {
  return below > 0 && Number.isFinite(above / below) ? above / below : null;
}

/** Returns a wall; 0 for the invalid value of a faulty clock. */
function wallOf(wallMs: number): number {
  return Number.isFinite(wallMs) ? Math.max(0, wallMs) : 0;
}

/** Converts to seconds with microsecond precision. Sums of fractions would otherwise show rounding errors. */
function secs(ms: number, least = 0): number {
  return Number.isFinite(ms) ? Math.max(least, Math.round(ms * 1e3) / 1e6) : 0;
}

function usd(amount: number): number {
  return Math.round(amount * 1e9) / 1e9;
}
