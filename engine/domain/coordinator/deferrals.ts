import { isDeferred } from '../model/task-status.ts';
import { endOf } from '../model/tasks.ts';
import type { Task } from '../model/state.ts';
import type { DecisionBuffer } from './decision-buffer.ts';

/**
 * Notifies watchers when a deferral ends. Nothing is written then, because the status follows from the time; only
 * displays must refresh.
 */
export class Deferrals {
  readonly #step: DecisionBuffer;
  /** The end of each deferral, in ms. */
  readonly #until = new Map<Task, number>();

  constructor(step: DecisionBuffer) {
    this.#step = step;
  }

  /** Restores the deferrals in the log. */
  resume(now: number): void {
    for (const task of this.#step.state.tasks.values()) this.noted(task, now);
  }

  /** Updates a task's deferral after a change of the task. */
  noted(task: Task, now: number): void {
    const until = task.standing.deferral?.until ?? null;
    if (until === null || endOf(task) !== null || !isDeferred(task.standing, now)) this.#until.delete(task);
    else this.#until.set(task, until);
  }

  /** The time at which the next deferral ends, in ms; infinite for none. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const until of this.#until.values()) next = Math.min(next, until);
    return next;
  }

  tick(now: number): void {
    for (const [task, until] of this.#until) {
      if (now < until) continue;
      this.#until.delete(task);
      this.#step.note(task.thread);
      this.#step.noteConcerned(task.thread);
    }
  }
}
