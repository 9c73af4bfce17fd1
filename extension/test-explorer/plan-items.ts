import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Outline } from '../../engine/language/protocol.ts';
import { isPlan, planFiles, PLAN_FILES } from '../plans/plan-files.ts';
import type { Plans } from '../plans/plans.ts';

/** The most bytes of a plan that is read for its subtasks. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The items of the Test Explorer: the plans of the workspace, and their subtasks, which are read when they are needed. */
export class PlanItems implements vscode.Disposable {
  readonly #controller: vscode.TestController;
  readonly #plans: Pick<Plans, 'client' | 'outline' | 'onDidChange'>;
  readonly #owned: vscode.Disposable[];
  /** The outline of each plan whose subtasks are shown. */
  readonly #shown = new WeakMap<vscode.TestItem, Outline>();
  /** True once the plans of the workspace are listed. */
  #isListed = false;

  constructor(controller: vscode.TestController, plans: Pick<Plans, 'client' | 'outline' | 'onDidChange'>) {
    this.#controller = controller;
    this.#plans = plans;
    controller.resolveHandler = item => (item === undefined ? this.#list() : this.resolve(item));
    controller.refreshHandler = () => this.#list();
    // A plan that is open has its items at once, for the icons beside its subtasks.
    this.#owned = [
      plans.onDidChange(uri => this.#readOpen(vscode.Uri.parse(uri))),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        if (uri.scheme === 'untitled') controller.items.delete(uri.toString());
      }),
    ];
    for (const document of vscode.workspace.textDocuments) if (isPlan(document)) this.#readOpen(document.uri);
  }

  dispose(): void {
    for (const owned of this.#owned) owned.dispose();
  }

  /** Returns the item of a plan. Adds it if it is missing. */
  plan(uri: vscode.Uri): vscode.TestItem {
    const id = uri.toString();
    const known = this.#controller.items.get(id);
    if (known !== undefined) return known;
    const item = this.#controller.createTestItem(id, path.posix.basename(uri.path), uri);
    const folder = path.posix.dirname(vscode.workspace.asRelativePath(uri.fsPath, false));
    if (folder !== '.') item.description = folder;
    item.canResolveChildren = true;
    this.#controller.items.add(item);
    return item;
  }

  /** Reads the subtasks of a plan. */
  async resolve(plan: vscode.TestItem): Promise<void> {
    const uri = plan.uri!;
    const outline = this.#plans.outline(uri) ?? (await this.#outlineOf(uri));
    this.#take(plan, outline);
  }

  /** Returns the item of a subtask. Adds it if the plan does not name it, as with a matrix from results. */
  subtask(plan: vscode.TestItem, name: string): vscode.TestItem {
    const known = plan.children.get(name);
    if (known !== undefined) return known;
    const item = this.#controller.createTestItem(name, name, plan.uri);
    plan.children.add(item);
    return item;
  }

  async #list(): Promise<void> {
    if (!this.#isListed) {
      this.#isListed = true;
      const watcher = vscode.workspace.createFileSystemWatcher(PLAN_FILES);
      this.#owned.push(
        watcher,
        watcher.onDidCreate(uri => void this.plan(uri)),
        watcher.onDidChange(uri => void this.#reread(uri)),
        watcher.onDidDelete(uri => this.#controller.items.delete(uri.toString())),
      );
    }
    const found = await planFiles();
    const ids = new Set(found.map(String));
    for (const [id, { uri }] of this.#controller.items)
      if (uri?.scheme === 'file' && !ids.has(id)) this.#controller.items.delete(id);
    for (const uri of found) this.plan(uri);
  }

  /** Reads a plan again whose subtasks are shown. */
  async #reread(uri: vscode.Uri): Promise<void> {
    const plan = this.#controller.items.get(uri.toString());
    if (plan !== undefined && plan.children.size > 0) await this.resolve(plan);
  }

  #readOpen(uri: vscode.Uri): void {
    const outline = this.#plans.outline(uri);
    if (outline !== null) this.#take(this.plan(uri), outline);
  }

  async #outlineOf(uri: vscode.Uri): Promise<Outline> {
    try {
      const bytes = await vscode.workspace.fs.readFile(uri);
      if (bytes.length > MAX_BYTES) return null;
      return await (await this.#plans.client()).outline(uri.toString(), new TextDecoder().decode(bytes));
    } catch {
      // It may be gone; running it says so.
      return null;
    }
  }

  #take(plan: vscode.TestItem, outline: Outline): void {
    if (outline !== null && this.#shown.get(plan) === outline) return;
    this.#shown.set(plan, outline);
    if (outline === null) {
      plan.error = vscode.l10n.t('This plan cannot be read. Open it to see its errors.');
      return;
    }
    plan.error = undefined;
    const items = outline.subtasks.flatMap(({ names, start, nameEnd }) =>
      names.flatMap(name => {
        if (name === null) return [];
        const item = plan.children.get(name) ?? this.#controller.createTestItem(name, name, plan.uri);
        item.range = new vscode.Range(start.line, start.character, nameEnd.line, nameEnd.character);
        return [item];
      }),
    );
    items.forEach((item, place) => (item.sortText = String(place).padStart(6, '0')));
    plan.children.replace(items);
  }
}
