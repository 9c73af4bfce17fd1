import type { SpeedupDocument } from '../../contract/documents.ts';
import { echoLines } from './join.ts';
import { childCost, duration, percent, plural, seconds, times, totalCost } from '../../contract/format.ts';

/** The most walls that are listed. More are summarised. */
const LISTED_WALLS = 32;

export function speedupLines(report: SpeedupDocument): readonly string[] {
  return [
    `Fan-out speedup report: ${report.thread}`,
    '  Parallel run:',
    `    subtasks:          ${report.subtasks}`,
    `    per-subtask walls: ${wallsText(report.walls_secs)}`,
    `    parallel wall:     ${duration(report.parallel_wall_secs)}  (${parallelText(report)})`,
    `    measured wall:     ${report.measured_wall_secs === null ? '–' : duration(report.measured_wall_secs)}`,
    `    total cost:        ${totalCost(report.total_cost_usd, report.unknown_costs)}`,
    ...extraLines(report),
    ...weakLines(report),
    ...(report.measured === null ? [] : measuredLines(report, report.measured)),
    ...echoLines(report),
    ...report.notes.map(note => `  ⚠ ${note}`),
  ];
}

function wallsText(walls: readonly number[]): string {
  const listed = walls.slice(0, LISTED_WALLS).map(seconds).join(', ');
  return walls.length > LISTED_WALLS ? `[${listed}, … ${walls.length} in all]` : `[${listed}]`;
}

/**
 * Names the bound of the parallel wall: the slots if there are fewer of them than subtasks, otherwise the critical
 * path.
 */
function parallelText({ subtasks, slots_used, critical_path }: SpeedupDocument): string {
  if (slots_used < subtasks) return plural(slots_used, 'slot');
  return critical_path.length === 0
    ? 'critical path = max'
    : `critical path = longest dependency path ${critical_path.map(i => `[${i}]`).join(' → ')}`;
}

function weakLines(report: SpeedupDocument): readonly string[] {
  const { weak } = report;
  return [
    '  Weak estimate (single-run, sanity check only):',
    `    serial estimate:   ${duration(weak.serial_estimate_secs)} (sum of subtask walls)`,
    `    estimated speedup: ${times(asShown(report))}`,
    `    caveat: ${weak.caveat}`,
  ];
}

/**
 * Returns the estimated speedup, computed from the two rounded times that are shown, so that a reader can check it. The
 * document has the unrounded speedup.
 */
function asShown({ weak, parallel_wall_secs, slots_used }: SpeedupDocument): number | null {
  const parallel = Number(seconds(parallel_wall_secs));
  if (weak.speedup === null || parallel === 0) return weak.speedup;
  return Math.min(Number(seconds(weak.serial_estimate_secs)) / parallel, slots_used);
}

function measuredLines(
  report: SpeedupDocument,
  measured: NonNullable<SpeedupDocument['measured']>,
): readonly string[] {
  return [
    '  Measured against a serial run:',
    `    serial thread:     ${measured.serial_thread}`,
    `    serial wall:       ${duration(measured.serial_wall_secs)}`,
    `    speedup:           ${times(measured.speedup)}  (serial wall ÷ measured wall)`,
    `    ceiling:           ${times(measured.ceiling)}  (serial wall ÷ critical path)`,
    `    efficiency:        ${percent(measured.efficiency)}  (speedup ÷ ${plural(report.slots_used, 'slot')})`,
    `    cost ratio:        ${times(measured.cost_ratio)}`,
    `    overhead:          ${duration(measured.overhead_secs)}  (measured wall − critical path)`,
  ];
}

function extraLines(report: SpeedupDocument): readonly string[] {
  if (report.extra_attempts.length === 0) return [];
  const unknown = report.extra_attempts.filter(each => each.cost_unknown === true).length;
  return [
    `    not counted:       ${plural(report.extra_attempts.length, 'attempt')}, ${totalCost(report.extra_cost_usd, unknown)}`,
    ...report.extra_attempts.map(
      extra =>
        `      [${extra.index}] attempt ${extra.attempt}: ${extra.verdict} ` +
        `(${childCost(extra.cost_usd, extra.cost_unknown)}, ${duration(extra.wall_time_secs)})`,
    ),
  ];
}
