import * as v from 'valibot';
import type { SpeedupDocument } from '../../engine/contract/documents.ts';
import { cut, MAX_LISTED, whole } from './limits.ts';

export const speedupSchema = v.strictObject({
  subtasks: whole,
  criticalPathSecs: v.number(),
  criticalPath: v.array(whole),
  measuredWallSecs: v.nullable(v.number()),
  totalCostUsd: v.number(),
  extraCostUsd: v.number(),
  extraAttempts: whole,
  slotsUsed: v.number(),
  weak: v.strictObject({
    serialEstimateSecs: v.number(),
    speedup: v.nullable(v.number()),
    caveat: v.string(),
  }),
  measured: v.nullable(
    v.strictObject({
      serialThread: v.string(),
      serialWallSecs: v.number(),
      speedup: v.nullable(v.number()),
      efficiency: v.nullable(v.number()),
      ceiling: v.nullable(v.number()),
      costRatio: v.nullable(v.number()),
      overheadSecs: v.number(),
    }),
  ),
  notes: v.array(v.string()),
});
/** The report without the walls and attempts of each subtask, which the rows contain. */
export type SpeedupRow = v.InferOutput<typeof speedupSchema>;

/** Returns the row of a speedup report. */
export function packSpeedup(report: SpeedupDocument): SpeedupRow {
  const { weak, measured } = report;
  return {
    subtasks: report.subtasks,
    criticalPathSecs: report.critical_path_secs,
    criticalPath: report.critical_path,
    measuredWallSecs: report.measured_wall_secs,
    totalCostUsd: report.total_cost_usd,
    extraCostUsd: report.extra_cost_usd,
    extraAttempts: report.extra_attempts.length,
    slotsUsed: report.slots_used,
    weak: { serialEstimateSecs: weak.serial_estimate_secs, speedup: weak.speedup, caveat: cut(weak.caveat) },
    measured:
      measured === null
        ? null
        : {
            serialThread: measured.serial_thread,
            serialWallSecs: measured.serial_wall_secs,
            speedup: measured.speedup,
            efficiency: measured.efficiency,
            ceiling: measured.ceiling,
            costRatio: measured.cost_ratio,
            overheadSecs: measured.overhead_secs,
          },
    notes: report.notes.slice(0, MAX_LISTED).map(note => cut(note)),
  };
}
