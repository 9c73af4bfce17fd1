import * as vscode from 'vscode';
import type { FleetDocument, InstanceDocument, TaskDocument } from '../../engine/contract/documents.ts';
import type { Changed } from '../../engine/client/follow.ts';
import type { FleetModel } from '../model/fleet-model.ts';

/** An event that needs a person. */
export type Alarm =
  | { readonly kind: 'joinFailed'; readonly task: TaskDocument }
  | { readonly kind: 'needsYou'; readonly task: TaskDocument; readonly subtask: number }
  /** `had` is the one of the worker's last two documents that has more work. */
  | { readonly kind: 'workerLost'; readonly worker: InstanceDocument; readonly had: InstanceDocument }
  | { readonly kind: 'stalled'; readonly task: TaskDocument; readonly attempt: Stalled };

type Stalled = FleetDocument['stalled'][number];

/**
 * Raises an alarm once for each event that needs a person: a failed join, a subtask with a question, a lost worker with
 * work on it, and an attempt without a sign of life. Events before the first reading of the engine raise none.
 */
export class Attention implements vscode.Disposable {
  readonly #model: FleetModel;
  readonly #raised = new vscode.EventEmitter<Alarm>();
  readonly #counted = new vscode.EventEmitter<number>();
  readonly #listening: vscode.Disposable;
  /** The known joins, by thread and round. Each raises one alarm. */
  #joins = new Map<string, number>();
  /** The subtasks of each task that wait for a person. Each raises one alarm until it is answered. */
  #asking = new Map<string, readonly number[]>();
  #workers = new Map<string, InstanceDocument>();
  /** The stalled attempts. Each raises one alarm until it shows a sign of life. */
  #stalled = new Set<string>();
  #open = new Set<string>();
  readonly onDidRaise = this.#raised.event;
  /** Fires with the number of alarms that nobody has seen. */
  readonly onDidCount = this.#counted.event;

  constructor(model: FleetModel) {
    this.#model = model;
    this.#listening = model.onDidChange(change => this.#take(change));
  }

  /** Resets the number of alarms, because somebody has seen them. */
  clear(): void {
    if (this.#open.size === 0) return;
    this.#open.clear();
    this.#counted.fire(0);
  }

  dispose(): void {
    this.#listening.dispose();
    this.#raised.dispose();
    this.#counted.dispose();
  }

  #take({ all, tasks }: Changed): void {
    const isFirst = this.#workers.size === 0;
    for (const thread of (all ? this.#model.tasks : tasks).keys()) this.#judgeTask(thread, isFirst);
    this.#judgeWorkers();
    this.#judgeAttempts();
  }

  #judgeTask(thread: string, isHistory: boolean): void {
    const task = this.#model.tasks.get(thread);
    this.#judgeQuestions(thread, task, isHistory);
    const fanOut = task?.fan_out;
    // The serial run of a failed fan-out is expected to fail.
    if (task === undefined || fanOut == null || !fanOut.complete || fanOut.serial) return;
    if (this.#joins.get(thread) === fanOut.round) return;
    this.#joins.set(thread, fanOut.round);
    const failed = fanOut.outcome === 'unsatisfiable' || fanOut.outcome === 'timed_out';
    if (failed && !isHistory) this.#raise(thread, { kind: 'joinFailed', task });
  }

  #judgeQuestions(thread: string, task: TaskDocument | undefined, isHistory: boolean): void {
    const before = this.#asking.get(thread) ?? [];
    const asking = task?.fan_out?.needs_you ?? [];
    if (asking.length > 0) this.#asking.set(thread, asking);
    else this.#asking.delete(thread);
    if (task === undefined || isHistory) return;
    for (const subtask of asking)
      if (!before.includes(subtask)) this.#raise(`${thread} ${subtask}`, { kind: 'needsYou', task, subtask });
  }

  #judgeWorkers(): void {
    const before = this.#workers;
    const instances = this.#model.fleet?.instances ?? [];
    this.#workers = new Map(instances.map(instance => [instance.did, instance]));
    for (const worker of instances) {
      const known = before.get(worker.did);
      if (known?.status !== 'live' || worker.status !== 'archived') continue;
      const had = known.active_dispatches < worker.active_dispatches ? worker : known;
      if (had.active_dispatches > 0) this.#raise(worker.did, { kind: 'workerLost', worker, had });
    }
  }

  #judgeAttempts(): void {
    const before = this.#stalled;
    const stalled = this.#model.fleet?.stalled ?? [];
    this.#stalled = new Set(stalled.map(nameOf));
    for (const attempt of stalled) {
      const task = this.#model.task(attempt.thread ?? attempt.task);
      if (task !== undefined && !before.has(nameOf(attempt)))
        this.#raise(nameOf(attempt), { kind: 'stalled', task, attempt });
    }
  }

  #raise(subject: string, alarm: Alarm): void {
    this.#open.add(subject);
    this.#counted.fire(this.#open.size);
    this.#raised.fire(alarm);
  }
}

const nameOf = ({ task, thread = task, subtask }: Stalled): string => `${thread} ${subtask}`;
