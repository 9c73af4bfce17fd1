import type { Counts, Outcome } from '../../engine/contract/fan-out-documents.ts';
import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import type { JoinRow } from '../protocol.ts';
import { fill, type StringKey, type ViewStrings } from '../strings.ts';
import { titleOf, type FanOutModel } from './fan-out.ts';
import type { Look } from './looks.ts';

/** The state of a whole run in words for people. */

const OUTCOMES: Readonly<Record<Outcome, { look: Look; word: StringKey }>> = {
  satisfied: { look: 'accepted', word: 'runPassed' },
  unsatisfiable: { look: 'failed', word: 'runFailed' },
  timed_out: { look: 'timedOut', word: 'runTimedOut' },
  cancelled: { look: 'cancelled', word: 'runCancelled' },
};

/** Returns the look of a run and the key of its word. */
export function stateOf(join: JoinRow, needsYou: number): { look: Look; word: StringKey } {
  if (join.outcome !== null) return OUTCOMES[join.outcome];
  if (needsYou > 0) return { look: 'needsYou', word: 'runNeedsYou' };
  return join.counts.running > 0
    ? { look: 'running', word: 'runRunning' }
    : { look: 'pending', word: 'runWaiting' };
}

/** Returns the number of subtasks whose end decides the run. */
export const membersOf = ({ subtasks, follow_ups: followUps }: JoinRow): number => subtasks - followUps;

/** Returns the number of subtasks that have to pass; null where an expression decides. */
function neededOf(join: JoinRow): number | null {
  const [kind, k] = (join.predicate ?? '').split(':');
  if (kind === 'all') return membersOf(join);
  if (kind === 'any') return 1;
  return kind === 'k_of_n' && k !== undefined ? Number(k) : null;
}

/** Returns the condition after `Done when`; null for an expression, which is shown as it is written. */
export function conditionOf(join: JoinRow, s: ViewStrings): string | null {
  if (join.predicate === 'all') return s.whenAll;
  if (join.predicate === 'any') return s.whenAny;
  const needed = neededOf(join);
  return needed === null ? null : fill(s.whenSome, needed, membersOf(join));
}

/** Returns the fate of the subtasks that are left over, after `The rest`. */
export function restOf({ losers }: JoinRow, s: ViewStrings): string | null {
  if (losers === null) return null;
  const words: Readonly<Record<string, string>> = {
    cancel: s.restCancelled,
    drain: s.restDrained,
    keep: s.restKept,
  };
  return words[losers] ?? losers;
}

/** Returns a sentence on the progress of a run, or on its outcome. */
export function progressOf(model: FanOutModel, s: ViewStrings): string {
  const { join } = model;
  if (join === null) return '';
  const { outcome, reason } = join;
  const counts = join.census ?? join.counts;
  const needed = neededOf(join);
  const passed = fill(s.passedOf, counts.accepted, membersOf(join));
  const isExpression = needed === null && reason !== null && !reason.startsWith('the predicate ');
  switch (outcome) {
    case null:
      return needed === null || needed === membersOf(join) || counts.accepted >= needed
        ? passed
        : `${passed}, ${fill(s.moreNeeded, needed - counts.accepted)}`;
    case 'satisfied':
      return passed;
    case 'cancelled':
      return reason === null || reason === 'cancelled by request' ? passed : `${passed} · ${reason}`;
    case 'timed_out':
      return fill(s.passedInTime, counts.accepted, membersOf(join));
    case 'unsatisfiable':
      return [
        needed === null || needed === membersOf(join) ? passed : `${passed}, ${fill(s.wereNeeded, needed)}`,
        ...(isExpression ? [reason] : []),
        ...failuresOf(model, counts, s),
      ].join(' · ');
  }
}

const MAX_NAMED = 3;

/** Returns the names of the first subtasks that failed, and the number of the others. */
function failuresOf({ rows }: FanOutModel, counts: Counts, s: ViewStrings): readonly string[] {
  const names: string[] = [];
  for (const row of rows) {
    if (names.length === MAX_NAMED) break;
    if (row !== undefined && isUnaccepted(row) && row.verdict !== 'cancelled') names.push(titleOf(row));
  }
  if (names.length === 0) return [];
  const more = counts.failed + counts.rejected + counts.timed_out - names.length;
  return [fill(s.failedNames, names.join(', ')) + (more > 0 ? ` ${fill(s.more, more)}` : '')];
}
