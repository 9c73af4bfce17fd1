import type {
  ChildDocument,
  FannedOut,
  JoinStatus,
  TaskAdded,
  TaskDocument,
} from '../../contract/documents.ts';
import type { Colours } from './colours.ts';
import { fields, moment, oneLine, table } from '../../contract/format.ts';
import { budgetTexts, childState } from './join.ts';
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
    `  join:     ${fanOut.join}`,
  ];
}

export function taskListLines(tasks: readonly TaskDocument[], all: boolean): readonly string[] {
  if (tasks.length === 0) {
    return [
      all ? 'no tasks' : 'no unfinished tasks',
      '  → spl task add "GOAL" adds one; --all lists the finished',
    ];
  }
  const rows = tasks.map(task => [
    task.alias,
    task.status,
    task.priority,
    task.fan_out === null ? '–' : `${task.fan_out.completed}/${task.fan_out.subtasks}`,
    oneLine(task.goal, 72),
  ]);
  return table(['ALIAS', 'STATUS', 'PRIORITY', 'SUBTASKS', 'GOAL'], rows);
}

export function taskLines(task: TaskDocument, showPath: ShowPath, colours: Colours): readonly string[] {
  const list = (values: readonly string[]) => (values.length === 0 ? null : values.join(', '));
  return [
    `${colours.bold(task.alias)} · ${task.status}`,
    ...fields([
      ['Goal', oneLine(task.goal, 400)],
      ['Thread', task.thread],
      ['Reason', task.reason],
      ['Priority', task.priority],
      ['Labels', list(task.labels)],
      ['Domain', task.domain],
      ['Hypothesis', task.hypothesis],
      ['Criteria', list(task.criteria)],
      ['Namespace', task.namespace],
      ['Folder', task.dir === null ? null : showPath(task.dir)],
      ['Actor', task.actor],
      ['Created', moment(task.created_unix)],
      ['Fan-out', fanOutSummary(task.fan_out)],
      ['Budget', budgetTexts(task.fan_out?.budget ?? null).join('; ') || null],
    ]),
  ];
}

function fanOutSummary(fanOut: TaskDocument['fan_out']): string | null {
  if (fanOut === null) return null;
  const state = fanOut.complete ? (fanOut.outcome ?? 'complete') : 'under way';
  const serial = fanOut.serial ? ', serial' : '';
  return `${fanOut.completed} of ${fanOut.subtasks} done, join ${fanOut.predicate}: ${state}${serial} (round ${fanOut.round})`;
}

/** A task with its subtasks below it, and what each waits for. */
export function treeLines(task: TaskDocument, join: JoinStatus | null, colours: Colours): readonly string[] {
  const children = join?.children ?? [];
  return [
    `${colours.bold(task.alias)}  ${oneLine(task.goal, 72)}  (${task.status})`,
    ...children.flatMap((child, i) => branch(child, i === children.length - 1, colours)),
  ];
}

function branch(child: ChildDocument, last: boolean, colours: Colours): readonly string[] {
  const after =
    child.depends_on.length === 0 ? '' : `  after ${child.depends_on.map(i => `[${i}]`).join(' ')}`;
  const name = child.name === null ? '' : `${child.name}: `;
  return [
    `${last ? '└─' : '├─'} [${child.index}] ${name}${oneLine(child.goal, 72)} → ${child.target}${after}`,
    `${last ? '  ' : '│ '}     ${childState(child, colours)}`,
  ];
}
