import { realpathSync } from 'node:fs';
import * as vscode from 'vscode';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { isFrozen } from '../model/holds.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { stateText, taskDescription, taskLabel, taskState, type TaskState } from './appearance.ts';

/** The key under which a workspace remembers that all tasks are shown. */
const EVERYWHERE = 'fleet.tasks.everywhere';

/** The tasks that the window shows: those of its folders, or all of them, and those that match a text. */
export class Scope implements vscode.Disposable {
  readonly #model: FleetModel;
  readonly #store: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #listening: vscode.Disposable;
  #folders = openFolders();
  #text = '';
  readonly onDidChange = this.#changed.event;

  constructor(model: FleetModel, store: vscode.Memento) {
    this.#model = model;
    this.#store = store;
    this.#listening = vscode.workspace.onDidChangeWorkspaceFolders(() => {
      this.#folders = openFolders();
      this.#changed.fire();
    });
  }

  /** True if the tasks of all folders are shown. */
  get isEverywhere(): boolean {
    return this.#store.get(EVERYWHERE, false) || this.#folders.length === 0;
  }

  get text(): string {
    return this.#text;
  }

  async showEverywhere(everywhere: boolean): Promise<void> {
    await this.#store.update(EVERYWHERE, everywhere);
    this.#changed.fire();
  }

  /** Shows only tasks in whose row, goal or alias this text occurs. Empty for all. */
  search(text: string): void {
    this.#text = text.trim().toLowerCase();
    this.#changed.fire();
  }

  /** Returns true for a task of this window's folders, or without a folder; for any task if all are shown. */
  isHere({ dir }: TaskDocument): boolean {
    return this.isEverywhere || dir === null || this.#folders.some(folder => isRelated(dir, folder));
  }

  /** Returns the shown tasks: those that need a person and failed ones first, then running, waiting and others. */
  tasks(): readonly TaskDocument[] {
    const newest = new Set<string>();
    const ranked = [...this.#model.tasks.values()]
      .filter(task => this.isHere(task) && this.#matches(task))
      .map(task => ({ task, rank: rankOf(task, newest) }));
    return ranked.sort((a, b) => a.rank - b.rank).map(({ task }) => task);
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
  }

  #matches(task: TaskDocument): boolean {
    if (this.#text === '') return true;
    const row = taskDescription(task, isFrozen(this.#model.fleet, task), Date.now() / 1000);
    const texts = [taskLabel(task), stateText(taskState(task)), row, task.goal, task.alias, ...task.labels];
    return texts.some(text => text.toLowerCase().includes(this.#text));
  }
}

const RANKS: Readonly<Record<TaskState, number>> = {
  needsYou: 0,
  failed: 1,
  timedOut: 1,
  running: 2,
  waiting: 3,
  passed: 4,
  cancelled: 4,
};

/** Returns the place of a task. A failure no longer comes first after a later run. @param newest the runs seen so far */
function rankOf(task: TaskDocument, newest: Set<string>): number {
  const rank = RANKS[taskState(task)];
  if (task.run == null) return rank;
  const name = `${task.namespace} ${task.run.name}`;
  const isLater = newest.has(name);
  newest.add(name);
  return rank === 1 && isLater ? 4 : rank;
}

/** Returns true for a folder in the other one, or around it. */
const isRelated = (dir: string, folder: string): boolean =>
  `${dir}/`.startsWith(`${folder}/`) || `${folder}/`.startsWith(`${dir}/`);

/** Returns the open folders by their real paths, as tasks have them. */
function openFolders(): readonly string[] {
  return (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => {
    try {
      return realpathSync.native(uri.fsPath);
    } catch {
      return uri.fsPath;
    }
  });
}
