import type { TaskAction } from '../../contract/commands.ts';
import type {
  ChildDocument,
  Counts,
  FannedOut,
  JoinStatus,
  TaskAdded,
  TaskDocument,
} from '../../contract/documents.ts';
import { runText } from '../../contract/run-name.ts';
import { NOTHING_WAS_RUN } from '../../contract/echo.ts';
import type { Colours } from './colours.ts';
import { fields, moment, oneLine, printable, table } from '../../contract/format.ts';
import {
  budgetTexts,
  childState,
  countsText,
  echoLines,
  failureLines,
  outputCommand,
  resultLines,
  resultTexts,
} from './join.ts';
import type { ShowPath } from './fleet.ts';

export function taskAddedLines(task: TaskAdded, colours: Colours): readonly string[] {
  return [
    `${colours.cyan('◇')} Task created: ${oneLine(task.goal, 200)}`,
    `  thread: ${task.thread}`,
    `  alias:  ${task.alias}`,
  ];
}

export function fannedOutLines(fanOut: FannedOut, colours: Colours): readonly string[] {
  return [
    `${colours.cyan('◇')} Fan-out parent INTEND created`,
    `  thread:   ${fanOut.thread}`,
    `  record:   ${fanOut.record}`,
    `  subtasks: ${fanOut.subtasks}`,
    `  join:     ${printable(fanOut.join)}`,
    ...(fanOut.run == null ? [] : [`  run:      ${printable(runText(fanOut.run))}`]),
    ...(fanOut.notes ?? []).map(note => `${colours.yellow('⚠')} ${printable(note)}`),
  ];
}

/** The tasks that a list is about. */
export type Listed = 'unfinished' | 'all' | 'archived';

export function taskListLines(tasks: readonly TaskDocument[], which: Listed): readonly string[] {
  if (tasks.length === 0) {
    if (which === 'archived') return ['no archived tasks'];
    return [
      which === 'all' ? 'no tasks' : 'no unfinished tasks',
      '  → spl task add "GOAL" adds one; --all lists the finished',
    ];
  }
  const echoed = tasks.filter(({ fan_out: fanOut }) => fanOut?.echo != null).map(({ alias }) => alias);
  const rows = tasks.map(task => [
    task.alias,
    task.status,
    task.priority,
    task.fan_out === null
      ? '–'
      : `${task.fan_out.completed}/${task.fan_out.subtasks - task.fan_out.follow_ups}`,
    oneLine(task.goal, 72),
  ]);
  return [
    ...table(['ALIAS', 'STATUS', 'PRIORITY', 'SUBTASKS', 'GOAL'], rows),
    ...(echoed.length === 0 ? [] : [`⚠ ${NOTHING_WAS_RUN} by ${listed(echoed)}`]),
  ];
}

/** Lists at most ten names and counts the others. */
const listed = (names: readonly string[]): string =>
  names.length > 10 ? `${names.slice(0, 10).join(', ')} and ${names.length - 10} more` : names.join(', ');

export function taskLines(task: TaskDocument, showPath: ShowPath, colours: Colours): readonly string[] {
  const list = (values: readonly string[]) => (values.length === 0 ? null : values.join(', '));
  return [
    `${colours.bold(task.alias)} · ${task.status}`,
    ...fields([
      ['Goal', oneLine(task.goal, 400)],
      ['Run', task.run == null ? null : runText(task.run)],
      ['Thread', task.thread],
      ['Reason', task.reason === null ? null : oneLine(task.reason, 400)],
      ['Until', task.deferred_until_unix === null ? null : moment(task.deferred_until_unix)],
      ['Depends on', list(task.depends_on.map(relatedTask))],
      ['Needed by', list(task.dependants.map(relatedTask))],
      ['Priority', task.priority],
      ['Labels', list(task.labels)],
      ['Domain', task.domain],
      ['Namespace', task.namespace],
      ['Folder', task.dir === null ? null : showPath(task.dir)],
      ['Actor', task.actor],
      ['Created', moment(task.created_unix)],
      ['Fan-out', fanOutSummary(task.fan_out)],
      ['Budget', budgetTexts(task.fan_out?.budget ?? null).join('; ') || null],
    ]),
    ...(task.fan_out === null ? [] : echoLines(task.fan_out)),
    ...evaluationLines(task),
  ];
}

/** The most subtasks whose results are shown. */
const MAX_RESULTS = 20;

/** Returns the results of a task's subtasks, a line each; nothing without results. */
export function resultsLines({ alias, children }: JoinStatus): readonly string[] {
  const some = children.flatMap(child =>
    resultTexts(child).map(text => `  ${oneLine(child.name ?? String(child.index), 60)}: ${text}`),
  );
  const more = some.length - MAX_RESULTS;
  return [
    ...(some.length === 0 ? [] : ['Results']),
    ...some.slice(0, MAX_RESULTS),
    ...(more > 0 ? [`  … and ${more} more: spl task join-status ${alias}`] : []),
  ];
}

const relatedTask = ({ alias, status }: TaskDocument['depends_on'][number]): string => `${alias} (${status})`;

/** Returns the lines about a task's evaluation, or about its criteria. */
function evaluationLines({ evaluation }: TaskDocument): readonly string[] {
  const { hypothesis, criteria, done, verdict, by, at_unix, reason, join } = evaluation;
  const when = at_unix === null ? '' : ` at ${moment(at_unix)}`;
  const judged = verdict === null ? 'none yet' : `${verdict} by ${by ?? 'its join'}${when}`;
  return [
    'Evaluation',
    ...fields([
      ['Hypothesis', hypothesis === null ? null : oneLine(hypothesis, 400)],
      ...criteria.map((each, i) => [`Criterion ${i + 1}`, oneLine(each, 400)] as const),
      ['Done', done === null ? null : `by ${done.by} at ${moment(done.at_unix)}`],
      ['Summary', done?.summary == null ? null : oneLine(done.summary, 400)],
      ['Verdict', judged],
      ['Reason', reason === null ? null : oneLine(reason, 400)],
      ['Join', join === null ? null : `${join.outcome}: ${censusText(join.census)}`],
    ]),
  ];
}

/** Describes the counts at the moment of the join. Subtasks that ran or waited then have other states now. */
function censusText(census: Counts): string {
  const isFinal = census.running + census.pending === 0;
  return `${countsText(census)}${isFinal ? '' : ', at the join'}`;
}

/** The noun of each verb. */
const WORDS: Readonly<Record<TaskAction, string>> = {
  start: 'start',
  done: 'completion',
  fail: 'failure',
  approve: 'approval',
  reject: 'rejection',
  block: 'block',
  defer: 'deferral',
  reopen: 'reopening',
};

/** Returns the lines on the result of a verb for a task. */
export function standingLines(verb: TaskAction, task: TaskDocument, colours: Colours): readonly string[] {
  return [
    `${colours.cyan('◇')} ${WORDS[verb]} of ${task.alias} recorded`,
    ...fields([
      ['status', task.status],
      ['until', task.deferred_until_unix === null ? null : moment(task.deferred_until_unix)],
      ['reason', task.reason === null ? null : oneLine(task.reason, 200)],
    ]),
    ...(verb === 'done' ? [`  → somebody else reviews it: spl task approve ${task.alias}`] : []),
  ];
}

function fanOutSummary(fanOut: TaskDocument['fan_out']): string | null {
  if (fanOut === null) return null;
  const state = fanOut.complete ? (fanOut.outcome ?? 'complete') : 'under way';
  const serial = fanOut.serial ? ', serial' : '';
  return `${fanOut.completed} of ${fanOut.subtasks - fanOut.follow_ups} done, join ${fanOut.predicate}: ${state}${serial} (round ${fanOut.round})`;
}

/** Returns the lines of a task with its subtasks below it, and the dependencies of each. */
export function treeLines(task: TaskDocument, join: JoinStatus | null, colours: Colours): readonly string[] {
  const children = join?.children ?? [];
  return [
    `${colours.bold(task.alias)}  ${oneLine(task.goal, 72)}  (${task.status})`,
    ...task.depends_on.map(each => `  ← depends on ${relatedTask(each)}`),
    ...task.dependants.map(each => `  → needed by ${relatedTask(each)}`),
    ...(task.fan_out === null ? [] : echoLines(task.fan_out)),
    ...children.flatMap((child, i) =>
      branch(task.alias, child, { all: children, last: i === children.length - 1 }, colours),
    ),
  ];
}

function branch(
  task: string,
  child: ChildDocument,
  { all, last }: { readonly all: readonly ChildDocument[]; readonly last: boolean },
  colours: Colours,
): readonly string[] {
  const after =
    child.depends_on.length === 0
      ? ''
      : `  after ${child.depends_on.map(i => printable(all[i]?.name ?? `[${i}]`)).join(' ')}`;
  const name = child.name === null ? '' : `${printable(child.name)}: `;
  return [
    `${last ? '└─' : '├─'} [${child.index}] ${name}${oneLine(child.goal, 72)} → ${child.target}${after}`,
    `${last ? '  ' : '│ '}     ${childState(child, colours)}`,
    ...resultLines(child).map(line => `${last ? '  ' : '│ '}     ${line}`),
    ...failureLines(outputCommand(task), child, `${last ? '  ' : '│ '}     `),
  ];
}
