import type { BudgetDocument, ChildDocument, Counts, JoinStatus } from '../../contract/documents.ts';
import type { Colours } from './colours.ts';
import { budgetAmount, CURRENCIES, childCost, duration, oneLine, printable } from '../../contract/format.ts';

export function joinStatusLines(join: JoinStatus, colours: Colours): readonly string[] {
  if (join.predicate === null) {
    return [
      `Fan-out join status: ${join.thread}`,
      '  Subtasks:        0',
      '  · this task has no fan-out yet',
      `  → spl task fan-out ${join.alias} --subtask "goal=…"`,
    ];
  }
  return [
    `Fan-out join status: ${join.thread}`,
    `  Subtasks:        ${join.subtasks}${join.follow_ups > 0 ? ` (${join.follow_ups} outside the join)` : ''}`,
    `  Spawned:         ${join.spawned} / ${join.subtasks - join.follow_ups}`,
    `  Completed:       ${join.completed} / ${join.subtasks - join.follow_ups}`,
    `  Join predicate:  ${printable(join.predicate)}`,
    `  Join complete:   ${join.complete ? 'yes' : 'no'}`,
    ...(join.round > 1 ? [`  Round:           ${join.round}`] : []),
    ...outcomeLines(join, colours),
    ...echoLines(join),
    ...budgetTexts(join.budget).map((text, i) => `  ${i === 0 ? 'Budget:' : '       '}          ${text}`),
    ...(join.children.length === 0 ? [] : ['', '  Per-subtask:']),
    ...join.children.flatMap(child => childLines(child, colours)),
  ];
}

function outcomeLines(join: JoinStatus, colours: Colours): readonly string[] {
  if (join.outcome === null) return [];
  const paint = join.outcome === 'satisfied' ? colours.green : colours.red;
  return [
    `  Outcome:         ${paint(join.outcome)}${join.reason === null ? '' : ` — ${printable(join.reason)}`}`,
    ...(join.census === null ? [] : censusLines(join.census, join.counts)),
  ];
}

/** The counts of the join's moment, with the present ones beside them where these are different. */
function censusLines(census: Counts, counts: Counts): readonly string[] {
  const [then, now] = [countsText(census), countsText(counts)];
  if (then === now) return [`  Census:          ${then}`];
  return [`  At the join:     ${then}`, `  Now:             ${now}`];
}

/** Says, once, that subtasks were accepted without anything having been run. */
export const echoLines = ({ echo }: { readonly echo: string | null }): readonly string[] =>
  echo === null ? [] : [`  ⚠ ${printable(echo)}`];

/** What is booked and reserved of each limit: `$0.30 booked, $0.20 reserved of $1.00`. */
export function budgetTexts(budget: BudgetDocument): readonly string[] {
  if (budget === null) return [];
  return CURRENCIES.flatMap(currency => {
    const entry = budget[currency];
    if (entry === null) return [];
    const text = (amount: number): string => budgetAmount(currency, amount);
    return [`${text(entry.booked)} booked, ${text(entry.reserved)} reserved of ${text(entry.limit)}`];
  });
}

/** The counts that are not zero, in words: `3 accepted, 1 failed`. */
export function countsText(counts: Counts): string {
  const parts = [
    [counts.accepted, 'accepted'],
    [counts.rejected, 'rejected'],
    [counts.failed, 'failed'],
    [counts.timed_out, 'timed out'],
    [counts.cancelled, 'cancelled'],
    [counts.running, 'running'],
    [counts.pending, 'pending'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return shown.length === 0 ? 'none' : shown.join(', ');
}

/** A subtask in two lines or more: what it is for and where, then how it goes. */
export function childLines(child: ChildDocument, colours: Colours): readonly string[] {
  const name = child.name === null ? '' : `${printable(child.name)}: `;
  const after = child.depends_on.length === 0 ? '' : ` after ${child.depends_on.join(', ')}`;
  return [
    `    [${child.index}] ${name}${oneLine(child.goal, 120)} → ${child.target}${after}`,
    `        ${childState(child, colours)}`,
    ...child.earlier_attempts.map(
      earlier =>
        `        · attempt ${earlier.attempt}${earlier.worker === null ? '' : ` on ${earlier.worker}`}: ` +
        `${earlier.verdict} (${childCost(earlier.cost_usd)}, ${duration(earlier.wall_time_secs)})` +
        because(earlier.reason),
    ),
    ...child.left_group.map(
      left => `        ${colours.yellow('⚠')} left its group and was ended as well: ${oneLine(left, 120)}`,
    ),
  ];
}

/** How a subtask goes, in one line. */
export function childState(child: ChildDocument, colours: Colours): string {
  switch (child.state) {
    case 'pending':
      return `pending: ${printable(child.reason ?? 'waiting for a worker')}`;
    case 'running':
      return `in progress (${child.worker ?? '–'}, ${duration(child.wall_time_secs)})${nth(child)}${stalled(child)}`;
    case 'done':
      return doneText(child, colours);
  }
}

function doneText(child: ChildDocument, colours: Colours): string {
  const verdict = child.verdict ?? 'done';
  const paint = verdict === 'accept' ? colours.green : colours.red;
  const figures = `(${childCost(child.cost_usd)}, ${duration(child.wall_time_secs)})`;
  const late = child.after_join ? ', after the join' : '';
  const reason = verdict === 'accept' ? '' : because(child.reason);
  return `${paint(verdict)} ${figures}${nth(child)}${late}${reason}`;
}

const nth = (child: ChildDocument): string => (child.attempt > 1 ? `, attempt ${child.attempt}` : '');
const stalled = ({ stalled_secs: secs }: ChildDocument): string =>
  secs === null ? '' : `, stalled ${duration(secs)}`;
const because = (reason: string | null): string => (reason === null ? '' : ` — ${oneLine(reason, 160)}`);
