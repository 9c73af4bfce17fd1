import * as vscode from 'vscode';
import type { FleetDocument, InstanceDocument, TaskDocument } from '../../engine/contract/documents.ts';
import type { Changed } from '../../engine/client/follow.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { taskState } from './appearance.ts';
import type { Scope } from './scope.ts';

/** The shortest run of which a person is told that it passed, in seconds. */
const LONG_SECS = 30;

/** An event that a person wants to know of. */
export type Alarm =
  | { readonly kind: 'joinFailed'; readonly task: TaskDocument }
  | { readonly kind: 'passed'; readonly task: TaskDocument; readonly secs: number }
  | { readonly kind: 'needsYou'; readonly task: TaskDocument; readonly subtask: number }
  /** `had` is the one of the worker's last two documents that has more work. */
  | { readonly kind: 'workerLost'; readonly worker: InstanceDocument; readonly had: InstanceDocument }
  | { readonly kind: 'stalled'; readonly task: TaskDocument; readonly attempt: Stalled };

type Stalled = FleetDocument['stalled'][number];

/**
 * Raises an alarm once for each event that a person wants to know of: a failed run, a subtask with a question, a lost
 * worker with work on it, an attempt without a sign of life, and a long run that passed. Events before the first reading
 * of the engine raise none; neither do runs of other folders that ended.
 */
export class Attention implements vscode.Disposable {
  readonly #model: FleetModel;
  readonly #scope: Pick<Scope, 'isHere'>;
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
  /** Fires with the number of alarms, apart from questions, that nobody has seen. */
  readonly onDidCount = this.#counted.event;

  constructor(model: FleetModel, scope: Pick<Scope, 'isHere'>) {
    this.#model = model;
    this.#scope = scope;
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
    if (isHistory || !this.#scope.isHere(task)) return;
    const state = taskState(task);
    if (state === 'failed' || state === 'timedOut') this.#raise(thread, { kind: 'joinFailed', task });
    const { opened_unix: opened, joined_unix: joined } = fanOut;
    const secs = opened === undefined || joined == null ? 0 : joined - opened;
    if (state === 'passed' && secs >= LONG_SECS) this.#raised.fire({ kind: 'passed', task, secs });
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
    // The badge of the tree counts the tasks with a question until they are answered.
    if (alarm.kind !== 'needsYou') this.#open.add(subject);
    this.#counted.fire(this.#open.size);
    this.#raised.fire(alarm);
  }
}

const nameOf = ({ task, thread = task, subtask }: Stalled): string => `${thread} ${subtask}`;
