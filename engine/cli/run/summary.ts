import {
  isUnaccepted,
  type ChildDocument,
  type JoinStatus,
  type Outcome,
  type SpeedupDocument,
} from '../../contract/documents.ts';
import { runText } from '../../contract/run-name.ts';
import { attemptTime, duration, oneLine, plural, times } from '../../contract/format.ts';
import type { Colours } from '../render/colours.ts';
import { failureLines } from '../render/join.ts';
import { labelOf } from './labels.ts';

/** With more subtasks than this, only those that did not pass are named. */
const ALL_NAMED = 20;
/** The most subtasks that are named. */
const MAX_NAMED = 50;

/** Returns the lines at the end of a run. @param speedup null where it is unknown */
export function summaryLines(
  join: JoinStatus,
  speedup: SpeedupDocument | null,
  colours: Colours,
): readonly string[] {
  const remarked = join.children.filter(hasRemark);
  const named =
    join.children.length > ALL_NAMED ? [...join.children.filter(isUnaccepted), ...remarked] : join.children;
  const more = named.length - MAX_NAMED;
  return [
    ...named
      .slice(0, MAX_NAMED)
      .flatMap(child => [
        childLine(join, child, colours),
        ...failureLines(`spl output ${join.alias}`, child, '    '),
      ]),
    ...(more > 0 ? [`… and ${more} more: spl task join-status ${join.alias}`] : []),
    ...(join.echo === null ? [] : [colours.yellow(`⚠ ${join.echo}`)]),
    outcomeLine(join, speedup, colours),
    ...(join.outcome !== 'satisfied' && join.children.some(isUnaccepted)
      ? [`  → to run again what did not pass: spl retry ${join.alias}`]
      : []),
  ];
}

/** Returns true for a subtask that passed, and whose worker says what nevertheless went wrong. */
const hasRemark = ({ verdict, reason, reused }: ChildDocument): boolean =>
  verdict === 'accept' && reason !== null && reused == null;

function childLine(join: JoinStatus, child: ChildDocument, colours: Colours): string {
  const name = labelOf(child);
  const { verdict, attempt, state } = child;
  const time = attempt === 0 ? '' : ` after ${attemptTime(child)}`;
  const again =
    attempt > 1
      ? `, attempt ${attempt}${lostTexts(child)
          .map(text => `; ${text}`)
          .join('')}`
      : '';
  const reason = reasonOf(join, child);
  const why = reason === null ? '' : `: ${oneLine(reason, 160)}`;
  if (child.reused != null)
    return `${colours.green('✓')} ${name} passed: reused from ${child.reused.task}, nothing declared has changed`;
  if (hasRemark(child)) return `${colours.yellow('⚠')} ${name} passed${time}${again}${why}`;
  if (verdict === 'accept') return `${colours.green('✓')} ${name} passed${time}${again}`;
  if (verdict === 'skipped') return `${colours.dim('·')} ${name} was not needed`;
  if (verdict === null)
    return `${colours.yellow('·')} ${name} ${state === 'pending' ? 'waits' : 'runs'}${why}`;
  const word = verdict === 'cancelled' && attempt === 0 ? 'was not started' : WORDS[verdict];
  return `${colours.red('✗')} ${name} ${word}${time}${again}${why}`;
}

/** Says which earlier attempts of a subtask were lost with their workers. */
const lostTexts = ({ earlier_attempts: earlier }: ChildDocument): readonly string[] =>
  earlier.flatMap(({ attempt, worker, lost }) =>
    lost === true
      ? [`attempt ${attempt} was lost with its worker${worker === null ? '' : ` ${worker}`}`]
      : [],
  );

/** Returns the lines before the output of an attempt that follows lost ones. */
export const lostLines = (child: ChildDocument): readonly string[] =>
  lostTexts(child).map(text => `· ${text}; this is attempt ${child.attempt}`);

/** The verdicts in words for people. */
const WORDS = {
  reject: 'was rejected',
  failed: 'failed',
  timeout: 'timed out',
  cancelled: 'was cancelled',
} as const;

/** The reasons of subtasks that the end of their run ended. */
const ENDED_BY: Readonly<Record<Outcome, string>> = {
  satisfied: 'no longer needed',
  unsatisfiable: 'another subtask had failed',
  timed_out: 'the time of the run was over',
  cancelled: 'the run was cancelled',
};

function reasonOf({ outcome }: JoinStatus, { reason }: ChildDocument): string | null {
  return outcome !== null && reason?.startsWith('the join was ') ? ENDED_BY[outcome] : reason;
}

function outcomeLine(join: JoinStatus, speedup: SpeedupDocument | null, colours: Colours): string {
  const { counts, subtasks, follow_ups: followUps, outcome } = join;
  const paint = outcome === 'satisfied' ? colours.green : colours.red;
  const total = subtasks - followUps;
  const reused = join.children.filter(child => child.reused != null).length;
  const remarks = join.children.filter(hasRemark).length;
  const head =
    `${counts.accepted} of ${total} passed${reused === 0 ? '' : `, ${reused} reused`}` +
    (remarks === 0 ? '' : `, ${remarks} with a warning`);
  const wall = wallSecs(join);
  const time = wall === null ? '' : ` in ${duration(wall)}`;
  // That some did not pass is no further reason.
  const why = outcome === 'timed_out' || outcome === 'cancelled' ? `, ${outcome.replace('_', ' ')}` : '';
  const { predicate } = join;
  const isMissed = predicate !== null && predicate !== 'all' && outcome === 'unsatisfiable';
  return `${paint(head)}${time}${why}${isMissed ? `, done when ${oneLine(predicate, 160)}` : ''}${speedupText(speedup, wall)} · ${runLabel(join)}`;
}

/** Returns the name of a run for people: `release #4`, else its task. */
export const runLabel = ({ run, alias }: Pick<JoinStatus, 'run' | 'alias'>): string =>
  run == null ? alias : runText(run);

/** Returns the time from the start of the round to the end of its last subtask, or null. */
function wallSecs({ opened_unix: from, joined_unix: joined, children }: JoinStatus): number | null {
  if (from === null) return null;
  const ends = children.map(({ ended_unix: end }) => end ?? 0);
  return Math.max(0, Math.max(joined ?? from, ...ends) - from);
}

/** Compares the wall with the time that the subtasks would take one after another. */
function speedupText(speedup: SpeedupDocument | null, wall: number | null): string {
  if (speedup === null || speedup.subtasks < 2 || speedup.weak.speedup === null || !wall) return '';
  const ratio = speedup.weak.serial_estimate_secs / wall;
  const faster = ratio >= 1.05 ? `${times(ratio)} as fast as` : 'no faster than';
  return `, ${faster} ${plural(speedup.subtasks, 'subtask')} one after another (${duration(speedup.weak.serial_estimate_secs)}, estimated)`;
}
