import type { ThreadId } from '../../record/ids.ts';
import type { FleetState, Task } from './state.ts';

/** Returns the tasks that must be approved before this one goes on: those it was added with, then one it was blocked on. */
export function waitsFor({ facts, standing }: Task): readonly ThreadId[] {
  const on = standing.block?.on ?? null;
  return on === null || facts.dependsOn.includes(on) ? facts.dependsOn : [...facts.dependsOn, on];
}

/** Tells whether `task` is `other` or waits for it, directly or through others. */
export function reaches(state: FleetState, task: Task, other: Task): boolean {
  const seen = new Set([task]);
  for (const each of seen) {
    if (each === other) return true;
    for (const next of tasksOf(state, waitsFor(each))) seen.add(next);
  }
  return false;
}

/**
 * The tasks that look different when this one's status may have changed: its own decides that of those that wait for
 * it, and each is shown with what it waits for and with who waits for it.
 */
export function concernedBy(state: FleetState, task: Task): ReadonlySet<ThreadId> {
  const waiting = (thread: ThreadId): Iterable<ThreadId> => state.dependants.get(thread) ?? [];
  const concerned = new Set<ThreadId>(waitsFor(task));
  for (const thread of waiting(task.thread)) {
    concerned.add(thread);
    for (const next of waiting(thread)) concerned.add(next);
    for (const other of tasksOf(state, [thread]).flatMap(waitsFor)) concerned.add(other);
  }
  return concerned;
}

/** Those of these threads that are tasks. */
export function tasksOf(state: FleetState, threads: Iterable<ThreadId>): readonly Task[] {
  return [...threads].flatMap(thread => state.tasks.get(thread) ?? []);
}

/** Notes what a task waits for, so that it is known whom the end of another one concerns. */
export function link({ dependants }: FleetState, task: Task): void {
  for (const thread of waitsFor(task)) {
    let waiting = dependants.get(thread);
    if (waiting === undefined) dependants.set(thread, (waiting = new Set()));
    waiting.add(task.thread);
  }
}

/** Undoes `link`, before what the task waits for is changed. */
export function unlink({ dependants }: FleetState, task: Task): void {
  for (const thread of waitsFor(task)) {
    const waiting = dependants.get(thread);
    waiting?.delete(task.thread);
    if (waiting?.size === 0) dependants.delete(thread);
  }
}
