import type { JoinStatus, SpeedupDocument } from '../../contract/documents.ts';
import { duration, plural, times } from '../../contract/format.ts';

/** The documents of a fan-out and of its serial run. */
export interface Comparison {
  readonly parallel: JoinStatus;
  readonly serial: JoinStatus;
  readonly speedup: SpeedupDocument;
}

/** The share of the time below which a loss is not mentioned. */
const NOTABLE = 0.05;

/** Returns three lines about the faster run, its gain, and the losses; one line when nothing was measured. */
export function closingLines(comparison: Comparison): readonly string[] {
  const figures = figuresOf(comparison);
  if (figures === null) return [`Nothing was measured: ${comparison.speedup.notes.join('; ')}.`];
  return [
    `What was faster: ${fasterText(figures)}.`,
    `By how much:     ${gainText(figures)}.`,
    `Why not more:    ${lossText(figures)}.`,
  ];
}

/** Returns commands to try next, which work in this repository as they are. */
export function nextLines(plan: string): readonly string[] {
  return [
    'What to try next:',
    `  $ dist/bin/spl run ${plan}`,
    "  $ dist/bin/spl run 'npm run lint' 'npm run typecheck'    # any commands, side by side",
    '  $ spl plan init && spl run    # in a folder of yours: a plan of its scripts, targets or tests',
    '  $ npm run package && code --install-extension spl-fleet.vsix    # the same in VS Code',
  ];
}

interface Figures {
  readonly checks: number;
  readonly slots: number;
  readonly parallelSecs: number;
  readonly serialSecs: number;
  readonly speedup: number;
  /** The speedup that the longest check allows. */
  readonly ceiling: number;
  readonly longest: string;
  /** The summed times of all checks, in the parallel and in the serial run. */
  readonly besideSecs: number;
  readonly aloneSecs: number;
}

function figuresOf({ parallel, serial, speedup: report }: Comparison): Figures | null {
  const { measured, measured_wall_secs: parallelSecs } = report;
  if (measured?.speedup == null || measured.ceiling === null || parallelSecs === null) return null;
  const longest = parallel.children.reduce((a, b) => (b.wall_time_secs > a.wall_time_secs ? b : a));
  return {
    checks: report.subtasks,
    slots: report.slots_used,
    parallelSecs,
    serialSecs: measured.serial_wall_secs,
    speedup: measured.speedup,
    ceiling: measured.ceiling,
    longest: longest.name ?? longest.goal,
    besideSecs: wallsOf(parallel),
    aloneSecs: wallsOf(serial),
  };
}

const wallsOf = ({ children }: JoinStatus): number =>
  children.reduce((sum, { wall_time_secs: secs }) => sum + secs, 0);

function fasterText({ checks, parallelSecs, serialSecs }: Figures): string {
  const [parallel, serial] = [duration(parallelSecs), duration(serialSecs)];
  const what = plural(checks, 'check');
  if (parallelSecs < serialSecs)
    return `running in parallel; ${what} took ${parallel}, and ${serial} one at a time`;
  return `running one at a time; ${what} took ${serial}, and ${parallel} in parallel`;
}

function gainText({ speedup, serialSecs, parallelSecs, slots, ceiling, longest }: Figures): string {
  const gain = `${times(speedup)} (${duration(serialSecs)} ÷ ${duration(parallelSecs)})`;
  const most = `${plural(slots, 'slot')} can give ${times(slots)} at most`;
  return ceiling < slots
    ? `${gain}; the longest check, ${longest}, allows ${times(ceiling)} at most`
    : `${gain}; ${most}`;
}

function lossText({ speedup, slots, parallelSecs, besideSecs, aloneSecs }: Figures): string {
  if (speedup > slots) return 'other work on this machine slowed the serial run down';
  const wholeSecs = slots * parallelSecs;
  const losses = [
    ...(besideSecs - aloneSecs > NOTABLE * aloneSecs
      ? [`the checks took ${duration(besideSecs)} beside each other, and ${duration(aloneSecs)} alone`]
      : []),
    ...(wholeSecs - besideSecs > NOTABLE * wholeSecs
      ? [`the slots had nothing to run for ${duration(wholeSecs - besideSecs)} of ${duration(wholeSecs)}`]
      : []),
  ];
  return losses.length === 0
    ? 'every slot was busy, and no check slowed another one down'
    : losses.join('; ');
}
