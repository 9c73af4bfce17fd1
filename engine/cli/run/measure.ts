import type { SpeedupDocument } from '../../contract/documents.ts';
import { duration, times } from '../../contract/format.ts';
import { printLines } from '../context.ts';
import { toggle, type Context } from '../verb.ts';
import { followRun } from './follow-run.ts';

export const MEASURE_OPTION = toggle(
  '--measure',
  'Then run the same subtasks one after another, and print how much faster the run was; reuses nothing',
);

/** A baseline of a run, as far as it came. */
export interface Measured {
  /** Null if the baseline did not pass. */
  readonly speedup: SpeedupDocument | null;
  /** The exit code of a signal; null without one. */
  readonly interrupted: number | null;
}

/** Runs the subtasks of a run again, one after another, and compares the two. */
export async function measure(context: Context, thread: string): Promise<Measured> {
  const isJson = context.settings.json;
  if (!isJson) printLines(context.err, ['· now one after another, to compare']);
  const serial = await context.submit('task.run-serial', { task: thread, worker: null });
  const { join, interrupted } = await followRun(context, serial, isJson ? null : 'failed', []);
  if (interrupted !== null || join?.outcome !== 'satisfied') return { speedup: null, interrupted };
  return {
    speedup: await context.report('speedup', { task: thread, vsSerial: serial.thread }),
    interrupted,
  };
}

/** Returns the result of a measurement in a line. */
export function measuredLine({ speedup: report }: Measured): string {
  if (report?.measured == null) return '⚠ not measured: one after another, the subtasks did not all pass';
  const { serial_wall_secs: serial, speedup } = report.measured;
  const wall = report.measured_wall_secs === null ? '' : ` against ${duration(report.measured_wall_secs)}`;
  return `measured: ${times(speedup)} as fast as one after another, ${duration(serial)}${wall} (one run of each)`;
}
