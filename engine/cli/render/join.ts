import type { BudgetDocument, ChildDocument, Counts, JoinStatus } from '../../contract/documents.ts';
import type { Colours } from './colours.ts';
import {
  attemptTime,
  budgetAmount,
  CURRENCIES,
  childCost,
  duration,
  escaped,
  oneLine,
  printable,
  subtaskWord,
} from '../../contract/format.ts';

/** The number of failed subtasks whose output is shown, and the number of lines of each. */
const SHOWN_OUTPUTS = 20;
const SHOWN_LINES = 10;
const LINE_CHARS = 200;

/**
 * Returns the lines of a join status. @param nowSecs seconds since 1970, for the elapsed time of an open join; without
 * it, no time is shown
 */
export function joinStatusLines(join: JoinStatus, colours: Colours, nowSecs?: number): readonly string[] {
  if (join.predicate === null) {
    return [
      `Fan-out join status: ${join.thread}`,
      '  Subtasks:        0',
      '  · this task has no fan-out yet',
      `  → spl task fan-out ${join.alias} --subtask "goal=…"`,
    ];
  }
  const failed = join.children.filter(hasFailed);
  const printed = new Set(failed.slice(0, SHOWN_OUTPUTS));
  const more = failed.length - printed.size;
  return [
    `Fan-out join status: ${join.thread}`,
    `  Subtasks:        ${join.subtasks}${join.follow_ups > 0 ? ` (${join.follow_ups} outside the join)` : ''}`,
    `  Spawned:         ${join.spawned} / ${join.subtasks - join.follow_ups}`,
    `  Completed:       ${join.completed} / ${join.subtasks - join.follow_ups}`,
    `  Join predicate:  ${printable(join.predicate)}`,
    `  Join complete:   ${join.complete ? 'yes' : 'no'}`,
    ...(join.round > 1 ? [`  Round:           ${join.round}`] : []),
    ...timeLines(join, nowSecs),
    ...outcomeLines(join, colours),
    ...echoLines(join),
    ...budgetTexts(join.budget).map((text, i) => `  ${i === 0 ? 'Budget:' : '       '}          ${text}`),
    ...(join.children.length === 0 ? [] : ['', '  Per-subtask:']),
    ...join.children.flatMap(child => [
      ...childLines(child, join.children, colours),
      ...(printed.has(child) ? failureLines(outputCommand(join.alias), child, '        ') : []),
    ]),
    ...(more > 0
      ? [`    … and the output of ${more} more that failed: spl task output ${join.alias} --subtask N`]
      : []),
  ];
}

/** Returns true for a subtask whose last attempt failed, timed out or rejected. */
const hasFailed = ({ state, verdict }: ChildDocument): boolean =>
  state === 'done' && (verdict === 'failed' || verdict === 'timeout' || verdict === 'reject');

/** Returns the command that prints the output of a subtask, without the subtask. */
export const outputCommand = (task: string): string => `spl task output ${task} --subtask`;

/**
 * Returns the end of the output of a failed subtask, with the command that prints all of it; nothing for other
 * subtasks. @param command without the subtask
 */
export function failureLines(command: string, child: ChildDocument, indent: string): readonly string[] {
  // Without an attempt, there is no output.
  if (!hasFailed(child) || child.attempt === 0) return [];
  const lines = (child.summary ?? '').trimEnd().split('\n').slice(-SHOWN_LINES);
  const shown = lines.map(line => (line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS - 1)}…` : line));
  const printed = shown.join('') === '' ? [] : shown.map(line => `${indent}| ${escaped(line)}`.trimEnd());
  return [...printed, `${indent}→ ${command} ${subtaskWord(child)}`];
}

/** Returns the time from the opening of the round to its join, or to now. */
function timeLines({ opened_unix: from, joined_unix: to }: JoinStatus, nowSecs?: number): readonly string[] {
  const until = to ?? nowSecs;
  if (from === null || until === undefined) return [];
  return [`  Time:            ${duration(Math.max(0, until - from))}${to === null ? ' so far' : ''}`];
}

function outcomeLines(join: JoinStatus, colours: Colours): readonly string[] {
  if (join.outcome === null) return [];
  const paint = join.outcome === 'satisfied' ? colours.green : colours.red;
  return [
    `  Outcome:         ${paint(join.outcome)}${join.reason === null ? '' : ` — ${printable(join.reason)}`}`,
    ...censusLines(join),
  ];
}

/** Returns the counts at the moment of the join, and the current ones if they differ. */
function censusLines({ census, counts }: JoinStatus): readonly string[] {
  if (census === null) return [];
  if (countsText(census) === countsText(counts)) return [`  Census:          ${countsText(census)}`];
  return [`  At the join:     ${countsText(census)}`, `  Now:             ${countsText(counts)}`];
}

/** Returns a note, once per join, if subtasks were accepted without running anything. */
export const echoLines = ({ echo }: { readonly echo: string | null }): readonly string[] =>
  echo === null ? [] : [`  ⚠ ${printable(echo)}`];

/** Returns the booked and the reserved amount of each limit: `$0.30 booked, $0.20 reserved of $1.00`. */
export function budgetTexts(budget: BudgetDocument): readonly string[] {
  if (budget === null) return [];
  return CURRENCIES.flatMap(currency => {
    const entry = budget[currency];
    if (entry === null) return [];
    const text = (amount: number): string => budgetAmount(currency, amount);
    return [`${text(entry.booked)} booked, ${text(entry.reserved)} reserved of ${text(entry.limit)}`];
  });
}

/** Describes the counts that are not zero: `3 accepted, 1 failed`. */
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

/** The condition of a follow-up, in words. */
const WHEN_TEXTS = { failed: 'if some of that failed', always: 'whatever became of that' } as const;

/** Returns the lines of a subtask: goal and target, then its state. */
export function childLines(
  child: ChildDocument,
  all: readonly ChildDocument[],
  colours: Colours,
): readonly string[] {
  const name = child.name === null ? '' : `${printable(child.name)}: `;
  const before = child.depends_on.map(index => printable(all[index]?.name ?? String(index)));
  const after =
    before.length === 0
      ? ''
      : ` after ${before.join(', ')}${child.when === 'accepted' ? '' : `, ${WHEN_TEXTS[child.when]}`}`;
  return [
    `    [${child.index}] ${name}${oneLine(child.goal, 120)} → ${child.target}${after}`,
    `        ${childState(child, colours)}`,
    ...child.earlier_attempts.map(
      earlier =>
        `        · attempt ${earlier.attempt}${earlier.worker === null ? '' : ` on ${earlier.worker}`}: ` +
        `${earlier.verdict} (${childCost(earlier.cost_usd, earlier.cost_unknown)}, ${attemptTime(earlier)})` +
        because(earlier.reason),
    ),
    ...resultLines(child).map(line => `        ${line}`),
    ...child.left_group.map(
      left => `        ${colours.yellow('⚠')} outlived its command, and was ended: ${oneLine(left, 120)}`,
    ),
  ];
}

/** Returns a line with the results of a subtask: `results: tag=v1.2, pages=[1,2]`. */
export const resultLines = (child: ChildDocument): readonly string[] =>
  resultTexts(child).map(text => `results: ${text}`);

/** Returns the results of a subtask as one text: `tag=v1.2, pages=[1,2]`; nothing without results. */
export function resultTexts({ results, results_cut: isCut }: ChildDocument): readonly string[] {
  const texts = Object.entries(results ?? {}).map(
    ([key, value]) =>
      `${key}=${typeof value === 'string' && !value.includes('\n') ? value : JSON.stringify(value)}`,
  );
  return texts.length === 0 ? [] : [oneLine(`${texts.join(', ')}${isCut === true ? ', …' : ''}`, 191)];
}

/** Returns the state of a subtask in one line. */
export function childState(child: ChildDocument, colours: Colours): string {
  switch (child.state) {
    case 'pending':
      if (child.needs_you != null)
        return colours.yellow(printable(child.reason ?? `needs you: ${child.needs_you}`));
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
  const figures = `(${childCost(child.cost_usd, child.cost_unknown)}, ${attemptTime(child)})`;
  const late = child.after_join ? ', after the join' : '';
  return `${paint(verdict)} ${figures}${nth(child)}${late}${because(child.reason)}`;
}

const nth = (child: ChildDocument): string => (child.attempt > 1 ? `, attempt ${child.attempt}` : '');
const stalled = ({ stalled_secs: secs }: ChildDocument): string =>
  secs === null ? '' : `, stalled ${duration(secs)}`;
const because = (reason: string | null): string => (reason === null ? '' : ` — ${oneLine(reason, 160)}`);
