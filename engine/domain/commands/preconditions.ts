import type { TaskStatus } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import type { FleetState, Task } from '../model/state.ts';
import { endOf, statusOf, unmetOf } from '../model/tasks.ts';
import { whyWaiting } from '../policy/explanations.ts';

/**
 * @throws CONFLICT when a task can't be fanned out in its present status: it is finished, awaits judgement, or is held
 * back
 */
export function refuseHeldBack(state: FleetState, task: Task, now: number): void {
  refuseUnmet(state, task, 'fanned out', now);
  const status = statusOf(state, task, now);
  if (status === 'inbox' || status === 'active') return;
  throw refused(task, `task '${task.alias}' is ${status} and can't be fanned out`, wayOut(task, status), {
    status,
  });
}

/** @throws CONFLICT naming the tasks that a task waits for */
export function refuseUnmet(state: FleetState, task: Task, what: string, now: number): void {
  const unmet = unmetOf(state, task);
  if (unmet.length === 0 || isFinishedOrJudged(task)) return;
  const first = unmet.find(each => endOf(each) !== null) ?? unmet[0]!;
  const end = endOf(first);
  throw refused(
    task,
    `task '${task.alias}' ${whyWaiting(state, unmet, now)}, and can't be ${what}`,
    end === null
      ? `Its dependencies must be approved first: spl task show ${first.alias}`
      : first.hasFanOut
        ? `Retry its failed subtasks: spl task retry ${first.alias} --failed`
        : `Reopen it: spl task reopen ${first.alias}`,
    { depends_on: unmet.map(({ alias }) => alias) },
  );
}

/** Returns true for a task that no longer waits for other tasks. */
function isFinishedOrJudged(task: Task): boolean {
  return endOf(task) !== null || task.standing.done !== null;
}

/** Returns a hint with the command to use for a task of this status. */
export function wayOut({ alias }: Task, status: TaskStatus): string {
  switch (status) {
    case 'inbox':
    case 'active':
      return `Mark it as done first: spl task done ${alias}`;
    case 'blocked':
    case 'deferred':
      return `Start it first: spl task start ${alias}`;
    case 'review':
      return `It waits for a verdict: spl task approve ${alias}, or spl task reject ${alias}; spl task start ${alias} takes it back to work`;
    default:
      return `Reopen it first: spl task reopen ${alias}`;
  }
}

/** Returns a refusal that names the task and the way out. */
export function refused(
  task: Task,
  message: string,
  hint: string,
  details: Readonly<Record<string, unknown>>,
): FleetError {
  return new FleetError('CONFLICT', message, { details: { task: task.alias, ...details }, hint });
}
