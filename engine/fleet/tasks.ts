import type { TaskStatus } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';
import type { ThreadId } from '../record/ids.ts';
import type { FleetState, Task } from './state.ts';

const OUTCOME_STATUS = {
  satisfied: 'approved',
  unsatisfiable: 'failed',
  timed_out: 'failed',
  cancelled: 'cancelled',
} as const;

/** A task's status, derived from what happened to it. */
export function statusOf(task: Task): TaskStatus {
  if (task.outcome !== null) return OUTCOME_STATUS[task.outcome];
  if (task.cancelled !== null) return 'cancelled';
  return task.hasFanOut ? 'active' : 'inbox';
}

/** Whether nothing more is expected of a task, so that its alias is free. */
export function isFinished(task: Task): boolean {
  const status = statusOf(task);
  return status === 'approved' || status === 'rejected' || status === 'failed' || status === 'cancelled';
}

/**
 * Finds a task by alias, thread id, or an unambiguous prefix of either; an exact name beats a prefix, and an alias
 * means its newest task.
 * @throws NOT_FOUND; CONFLICT when a prefix fits several tasks, naming some.
 */
export function resolveTask(state: FleetState, name: string): Task {
  const exact = state.tasks.get(state.aliases.get(name) ?? (name as ThreadId));
  if (exact !== undefined) return exact;
  const found = name === '' ? [] : byPrefix(state, name);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new FleetError('NOT_FOUND', `no task is named '${name}'`, {
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
      hint: 'Write more of the name.',
    },
  );
}

function byPrefix(state: FleetState, prefix: string): Task[] {
  const found = new Set<Task>();
  for (const [alias, thread] of state.aliases)
    if (alias.startsWith(prefix)) found.add(state.tasks.get(thread)!);
  if (prefix.startsWith('th_'))
    for (const task of state.tasks.values()) if (task.thread.startsWith(prefix)) found.add(task);
  return [...found];
}
