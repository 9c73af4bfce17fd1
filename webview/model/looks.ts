import type { ChildVerdict, Counts } from '../../engine/contract/fan-out-documents.ts';
import type { ChildRow } from '../protocol.ts';
import type { StringKey } from '../strings.ts';

/**
 * The looks of attempts, by state and verdict. Each has a colour, a pattern, a sign and a word, so that no difference
 * rests on one of them alone.
 */

export const LOOKS = [
  'accepted',
  'rejected',
  'failed',
  'timedOut',
  'cancelled',
  'skipped',
  'running',
  'needsYou',
  'pending',
] as const;
export type Look = (typeof LOOKS)[number];

/** The fill of a bar. */
export type Pattern = 'solid' | 'rising' | 'crossed' | 'upright' | 'hollow' | 'dotted';

export const PATTERNS: Readonly<Record<Look, Pattern>> = {
  accepted: 'solid',
  rejected: 'rising',
  failed: 'crossed',
  timedOut: 'upright',
  cancelled: 'hollow',
  skipped: 'hollow',
  running: 'solid',
  needsYou: 'dotted',
  pending: 'dotted',
};

/** The sign in a bar, with the shape of the icon beside words. */
export const SIGNS: Readonly<Record<Look, string>> = {
  accepted: '✓',
  rejected: '−',
  failed: '✕',
  timedOut: '◷',
  cancelled: '⊘',
  skipped: '»',
  running: '▸',
  needsYou: '?',
  pending: '…',
};

/** Returns the key of a look's word, which is the name of the look. */
export const wordOf = (look: Look): StringKey => look;

const VERDICT_LOOKS: Readonly<Record<ChildVerdict, Look>> = {
  accept: 'accepted',
  reject: 'rejected',
  failed: 'failed',
  timeout: 'timedOut',
  cancelled: 'cancelled',
  skipped: 'skipped',
};

/** Returns the look of a verdict. An unknown verdict looks failed, because the join does not count it. */
export function lookOfVerdict(verdict: string): Look {
  return Object.hasOwn(VERDICT_LOOKS, verdict) ? VERDICT_LOOKS[verdict as ChildVerdict] : 'failed';
}

export function lookOf(row: ChildRow): Look {
  if (row.state === 'done') return lookOfVerdict(row.verdict ?? 'failed');
  if (row.state === 'pending' && row.needs_you != null) return 'needsYou';
  // A subtask that was only delivered to a worker waits there.
  return row.started_unix === null ? 'pending' : row.state;
}

export interface Share {
  readonly look: Look;
  readonly count: number;
}

/** Returns the counts in their fixed order. @param needsYou the number of pending subtasks that wait for a person */
export function sharesOf(counts: Counts, needsYou = 0): readonly Share[] {
  return [
    { look: 'accepted', count: counts.accepted },
    { look: 'rejected', count: counts.rejected },
    { look: 'failed', count: counts.failed },
    { look: 'timedOut', count: counts.timed_out },
    { look: 'cancelled', count: counts.cancelled },
    { look: 'running', count: counts.running },
    { look: 'needsYou', count: needsYou },
    { look: 'pending', count: Math.max(0, counts.pending - needsYou) },
  ];
}
