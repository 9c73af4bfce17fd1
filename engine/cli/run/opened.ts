import type { ChildDocument, FannedOut, JoinStatus, SpeedupDocument } from '../../contract/documents.ts';
import { printable } from '../../contract/format.ts';
import { FleetError } from '../../errors.ts';
import { printJson, printLines } from '../context.ts';
import { EXIT, exitCodeOfOutcome } from '../exit-codes.ts';
import { choice, toggle, type Context } from '../verb.ts';
import { followRun } from './follow-run.ts';
import { measure, measuredLine } from './measure.ts';
import { OUTPUT_MODES, type OutputMode } from './outputs.ts';
import { summaryLines } from './summary.ts';

export const OUTPUT_OPTION = choice(
  '--output <mode>',
  'stream prints lines as they come (default on a terminal), grouped each subtask at its end (default elsewhere), failed only those that did not pass',
  OUTPUT_MODES,
);

export const DETACH_OPTION = toggle('--detach', 'Start it, and leave it running');

/** A run that was opened, or that goes on by a retry. */
interface Opened {
  readonly alias: string;
  readonly fan_out: Pick<FannedOut, 'thread' | 'subtasks' | 'run' | 'notes'>;
}

/** Says how to come back to a run that is left running. */
export function leaveRunning(context: Context, { fan_out: fanOut, alias }: Opened): number {
  context.print(fanOut, () => [
    ...notesOf(fanOut),
    `${alias} runs. To follow it: spl task join-status ${alias} --watch`,
    `To end it: spl task cancel ${alias}`,
  ]);
  return EXIT.done;
}

/** Returns a line for each obstacle to attempts at present. */
const notesOf = ({ notes = [] }: Opened['fan_out']): readonly string[] =>
  notes.map(note => `⚠ ${printable(note)}`);

/** The options of following a run. */
export interface Following {
  /** Null: by what the output is. */
  readonly output: OutputMode | null;
  /** True to run it one after another too, once it has passed. */
  readonly measure?: boolean;
  /** The subtasks as they were. Those that had ended are not printed again. */
  readonly before?: readonly ChildDocument[];
}

/**
 * Follows a run to its end, and prints what it prints and what became of it.
 * @returns the exit code
 */
export async function followOpened(
  context: Context,
  opened: Opened,
  { output, measure: isMeasured = false, before = [] }: Following,
): Promise<number> {
  const { out, settings } = context;
  const { fan_out: fanOut, alias } = opened;
  if (!settings.json) printLines(context.err, notesOf(fanOut));
  const mode = settings.json ? null : (output ?? (out.isTTY ? 'stream' : 'grouped'));
  const { join, interrupted } = await followRun(context, fanOut, mode, before).catch((thrown: unknown) => {
    throw lostConnection(alias, thrown);
  });
  const isOver = join !== null && join.complete && !join.under_way;
  const isToMeasure = isMeasured && interrupted === null && join?.outcome === 'satisfied';
  const ended = isOver ? await printEnd(context, fanOut, join, isToMeasure) : null;
  if (interrupted === null) return ended ?? exitCodeOfOutcome(join?.outcome ?? null);
  if (!isOver)
    printLines(context.err, [`· ${alias} is being cancelled: spl task join-status ${alias} --watch`]);
  return interrupted;
}

/** @returns the exit code of a signal that came while it was measured; null without one */
async function printEnd(
  context: Context,
  fanOut: object,
  join: JoinStatus,
  isToMeasure: boolean,
): Promise<number | null> {
  const { out, settings } = context;
  const speedup = await speedupOf(context, join.thread);
  if (!settings.json) printLines(out, summaryLines(join, speedup, out.colours));
  const measured = isToMeasure ? await measure(context, join.thread) : null;
  if (settings.json) printJson(out, { ...fanOut, ...join, speedup: measured?.speedup ?? speedup });
  else if (measured !== null && measured.interrupted === null) printLines(out, [measuredLine(measured)]);
  return measured?.interrupted ?? null;
}

/** Returns the speedup; null where it cannot be read any more. */
async function speedupOf(context: Context, thread: string): Promise<SpeedupDocument | null> {
  const { engine } = await context.client();
  return engine.report('speedup', { task: thread, vsSerial: null }).catch(() => null);
}

/** Returns the error for a coordinator that went away. The run does not depend on this process, nor do the workers. */
function lostConnection(alias: string, thrown: unknown): unknown {
  if (!FleetError.is(thrown, 'UNREACHABLE') && !FleetError.is(thrown, 'LINK_BROKEN')) return thrown;
  return new FleetError('UNREACHABLE', `the coordinator went away while ${alias} ran; its workers go on`, {
    hint: `spl fleet start takes it up again; then: spl task join-status ${alias} --watch`,
    cause: thrown,
  });
}
