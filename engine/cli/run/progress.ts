import type { ChildDocument, JoinStatus } from '../../contract/documents.ts';
import { duration, oneLine, plural, printable } from '../../contract/format.ts';
import type { Colours } from '../render/colours.ts';
import { labelOf } from './labels.ts';
import { runLabel } from './summary.ts';

/** The numbers of running subtasks and of reasons to wait that are shown. */
const SHOWN = { running: 5, waits: 3 };

/** A running fan-out, for its progress on a terminal. */
export interface Progress {
  readonly status: JoinStatus;
  readonly children: readonly ChildDocument[];
  /** The time at which the children were read, by the clock of `nowMs`. */
  readonly readAt: number;
  readonly startedAt: number;
  readonly nowMs: number;
  /** The time that earlier runs took; null if there are none. */
  readonly expectedSecs: number | null;
  /** The width of the terminal, which no line exceeds. */
  readonly columns: number;
}

/** Returns the lines below the output: the counts, what runs, and what waits for what. */
export function progressLines(progress: Progress, colours: Colours): readonly string[] {
  const { children, readAt, nowMs, columns } = progress;
  const width = Math.max(20, columns - 1);
  const running = children.filter(({ state }) => state === 'running');
  const more = running.length - SHOWN.running;
  const ageSecs = (nowMs - readAt) / 1000;
  return [
    colours.bold(oneLine(headline(progress), width)),
    ...running.slice(0, SHOWN.running).map(child => runningLine(child, ageSecs, width)),
    ...(more > 0 ? [oneLine(`  … and ${more} more`, width)] : []),
    ...waits(children)
      .slice(0, SHOWN.waits)
      .map(text => colours.dim(`  ${oneLine(`· ${text}`, width - 2)}`)),
  ];
}

function headline({ status, startedAt, nowMs, expectedSecs }: Progress): string {
  const { counts, subtasks, follow_ups: followUps } = status;
  const failed = counts.failed + counts.rejected + counts.timed_out;
  const parts = [
    `${counts.accepted} of ${subtasks - followUps} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(counts.cancelled > 0 ? [`${counts.cancelled} cancelled`] : []),
    ...(counts.running > 0 ? [`${counts.running} running`] : []),
    ...(counts.pending > 0 ? [`${counts.pending} waiting`] : []),
    elapsed(Math.floor((nowMs - startedAt) / 1000), expectedSecs),
  ];
  return `${runLabel(status)} · ${parts.join(' · ')}`;
}

const elapsed = (secs: number, expected: number | null): string =>
  expected === null
    ? duration(secs)
    : `${duration(secs)} of about ${duration(Math.max(1, Math.round(expected)))}`;

function runningLine(child: ChildDocument, ageSecs: number, width: number): string {
  const silent = child.stalled_secs === null ? '' : `, silent for ${duration(child.stalled_secs)}`;
  const tail = `  ${duration(Math.floor(child.wall_time_secs + ageSecs))}${silent}`;
  return `  → ${oneLine(labelOf(child), Math.max(8, width - 4 - tail.length))}${tail}`;
}

/** Returns the reasons to wait, each with the subtasks that wait for it, those that need a person first. */
export function waits(children: readonly ChildDocument[]): readonly string[] {
  const waiting = new Map<string, string[]>();
  for (const child of children) {
    if (child.state !== 'pending') continue;
    const reason = reasonOf(child, children);
    const names = waiting.get(reason);
    if (names === undefined) waiting.set(reason, [labelOf(child)]);
    else names.push(labelOf(child));
  }
  const asks = ([reason]: readonly [string, unknown]): number => (reason.startsWith('needs you') ? 0 : 1);
  return [...waiting]
    .sort((a, b) => asks(a) - asks(b))
    .map(
      ([reason, names]) =>
        `${names.length > 2 ? plural(names.length, 'subtask') : names.join(', ')}: ${reason}`,
    );
}

/** Matches the reasons for which any subtask may have to wait a while. */
const ORDINARY = /^waiting for (?:a free slot|its turn)/;

/**
 * Returns the reasons to wait that a person should know of, keyed by the reason without its numbers, each with its
 * subtask.
 */
export function oddWaits(
  some: readonly ChildDocument[],
  all: readonly ChildDocument[],
): readonly (readonly [key: string, text: string])[] {
  return some.flatMap(child => {
    const { state, stalled_secs: silentSecs } = child;
    if (state === 'running' && silentSecs !== null)
      return [[`${child.index} stalled`, `${labelOf(child)} has been silent for ${duration(silentSecs)}`]];
    const isBlocked = child.depends_on.some(index => all[index]?.state !== 'done');
    if (child.state !== 'pending' || child.reason === null || isBlocked || ORDINARY.test(child.reason))
      return [];
    return [
      [
        `${child.index} ${child.reason.replace(/\d+/g, '#')}`,
        `${labelOf(child)}: ${printable(child.reason)}`,
      ],
    ];
  });
}

/** A dependency may have ended since the reason was read. */
function reasonOf(child: ChildDocument, all: readonly ChildDocument[]): string {
  const missing = child.depends_on.filter(index => all[index]?.state !== 'done');
  if (missing.length === 0) return child.reason ?? 'waiting for a free slot';
  const names = missing.slice(0, 3).map(index => (all[index] ? labelOf(all[index]) : String(index)));
  return `waiting for ${names.join(', ')}${missing.length > 3 ? ', …' : ''}`;
}
