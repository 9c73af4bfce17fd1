import type { TaskStatus } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import type { ThreadId } from '../../record/ids.ts';
import { tasksOf } from './dependencies.ts';
import { didYouMean } from './did-you-mean.ts';
import { taskOfRun } from './runs.ts';
import { statusByHistory } from './task-status.ts';
import type { FleetState, Task } from './state.ts';

type FinishedStatus = Extract<TaskStatus, 'approved' | 'rejected' | 'failed' | 'cancelled'>;

const OUTCOME_STATUS = {
  satisfied: 'approved',
  unsatisfiable: 'failed',
  timed_out: 'failed',
  cancelled: 'cancelled',
} as const;

/** Returns the final status of a task; null before it is final. Depends only on the task, not on time. */
export function endOf(task: Task): FinishedStatus | null {
  if (task.outcome !== null) return OUTCOME_STATUS[task.outcome];
  if (task.cancelled !== null) return 'cancelled';
  const { stage } = task.standing;
  const isOver = stage === 'approved' || stage === 'rejected' || stage === 'failed';
  return isOver && !task.hasFanOut ? stage : null;
}

/** Returns a task's status at this time, in ms, derived from its state and its dependencies. */
export function statusOf(state: FleetState, task: Task, now: number): TaskStatus {
  const end = endOf(task);
  if (end !== null) return end;
  if (task.hasFanOut) return 'active';
  const status = statusByHistory(task.standing, now, on => isApproved(state.tasks.get(on)));
  const mayWait = status === 'inbox' || status === 'active';
  return mayWait && unmetOf(state, task).length > 0 ? 'blocked' : status;
}

/** Returns true when a task is final, so that its alias is free. */
export function isFinished(task: Task): boolean {
  return endOf(task) !== null;
}

/** Returns the tasks that this one was added to depend on and that are not approved. */
export function unmetOf(state: FleetState, task: Task): readonly Task[] {
  return tasksOf(state, task.facts.dependsOn).filter(each => !isApproved(each));
}

function isApproved(task: Task | undefined): boolean {
  return task !== undefined && endOf(task) === 'approved';
}

/**
 * Returns the name of a subtask of the task that had an alias at a time; null for no such task, and for a subtask
 * without a name.
 * @param at in ms
 */
export function subtaskNameAt(state: FleetState, alias: string, index: number, at: number): string | null {
  let holder: Task | undefined;
  for (const task of state.tasks.values())
    if (task.alias === alias && task.facts.createdAt <= at) holder = task;
  return holder?.fanOut?.subtasks[index]?.name ?? null;
}

/**
 * Finds a task by alias, thread id, numbered run, or an unambiguous prefix of an alias or thread id. An exact name takes
 * precedence over a prefix. An alias names its newest task, and the name of runs its newest run.
 * @throws NOT_FOUND; CONFLICT naming some tasks when a prefix matches several
 */
export function resolveTask(state: FleetState, name: string): Task {
  const exact = state.tasks.get(state.aliases.get(name) ?? (name as ThreadId)) ?? taskOfRun(state, name);
  if (exact !== undefined) return exact;
  const found = name === '' ? [] : byPrefix(state, name);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new FleetError('NOT_FOUND', `no task is named '${name}'${didYouMean(name, namesNear(state))}`, {
      details: { task: name },
      hint: 'List the tasks with: spl task list --all',
    });
  }
  const names = found.map(task => task.alias);
  throw new FleetError(
    'CONFLICT',
    `'${name}' may mean ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`,
    {
      details: { task: name, candidates: names.slice(0, 100) },
      hint: 'Use a longer prefix.',
    },
  );
}

/** The maximum number of aliases, and of runs, that a misspelt name is compared with. The newest are taken. */
const MAX_COMPARED = 1_000;

function namesNear({ aliases, runs }: FleetState): string[] {
  return [...[...runs.keys()].slice(-MAX_COMPARED), ...[...aliases.keys()].slice(-MAX_COMPARED)];
}

function byPrefix(state: FleetState, prefix: string): Task[] {
  const found = new Set<Task>();
  for (const [alias, thread] of state.aliases)
    if (alias.startsWith(prefix)) found.add(state.tasks.get(thread)!);
  if (prefix.startsWith('th_'))
    for (const task of state.tasks.values()) if (task.thread.startsWith(prefix)) found.add(task);
  return [...found];
}
