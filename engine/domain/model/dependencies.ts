import type { ThreadId } from '../../record/ids.ts';
import type { FleetState, Task } from './state.ts';

/**
 * Returns the tasks that must be approved before this one continues: those named when it was added, then the one that
 * blocks it.
 */
export function waitsFor({ facts, standing }: Task): readonly ThreadId[] {
  const on = standing.block?.on ?? null;
  return on === null || facts.dependsOn.includes(on) ? facts.dependsOn : [...facts.dependsOn, on];
}

/** Returns true when `task` is `other`, or waits for it directly or indirectly. */
export function reaches(state: FleetState, task: Task, other: Task): boolean {
  const seen = new Set([task]);
  for (const each of seen) {
    if (each === other) return true;
    for (const next of tasksOf(state, waitsFor(each))) seen.add(next);
  }
  return false;
}

/**
 * Returns the tasks whose documents may change with this task's status: tasks that wait for it, tasks that wait for
 * those, and tasks that any of them waits for.
 */
export function affectedBy(state: FleetState, task: Task): ReadonlySet<ThreadId> {
  const waiting = (thread: ThreadId): Iterable<ThreadId> => state.dependants.get(thread) ?? [];
  const concerned = new Set<ThreadId>(waitsFor(task));
  for (const thread of waiting(task.thread)) {
    concerned.add(thread);
    for (const next of waiting(thread)) concerned.add(next);
    for (const other of tasksOf(state, [thread]).flatMap(waitsFor)) concerned.add(other);
  }
  return concerned;
}

/** Returns the tasks on these threads. */
export function tasksOf(state: FleetState, threads: Iterable<ThreadId>): readonly Task[] {
  return [...threads].flatMap(thread => state.tasks.get(thread) ?? []);
}

/** Indexes the tasks that a task waits for, so that `concernedBy` finds it. */
export function link({ dependants }: FleetState, task: Task): void {
  for (const thread of waitsFor(task)) {
    let waiting = dependants.get(thread);
    if (waiting === undefined) dependants.set(thread, (waiting = new Set()));
    waiting.add(task.thread);
  }
}

/** Undoes `link`. Call it before a change of what the task waits for. */
export function unlink({ dependants }: FleetState, task: Task): void {
  for (const thread of waitsFor(task)) {
    const waiting = dependants.get(thread);
    waiting?.delete(task.thread);
    if (waiting?.size === 0) dependants.delete(thread);
  }
}
