import * as vscode from 'vscode';
import { JoinPanel, type PanelHost } from './join-panel.ts';
import { panelTitle } from './panel-title.ts';

export const JOIN_PANEL_TYPE = 'fleet.join';

/** The panels that are open: at most one for a task. */
export class JoinPanels implements vscode.Disposable {
  readonly #host: PanelHost;
  readonly #panels = new Map<string, JoinPanel>();

  constructor(host: PanelHost) {
    this.#host = host;
  }

  /** Shows the task's panel. Reuses an open one. */
  open(task: { readonly thread: string; readonly alias: string }): void {
    const open = this.#panels.get(task.thread);
    if (open !== undefined) return open.reveal();
    const known = this.#host.model.tasks.get(task.thread);
    const title = known === undefined ? task.alias : panelTitle(known);
    const panel = vscode.window.createWebviewPanel(
      JOIN_PANEL_TYPE,
      title,
      this.#closeSleeping(title) ?? vscode.ViewColumn.Active,
      // No context is kept while the view is hidden: the view saves what it cannot read again, and reads the rest
      // again.
      { enableScripts: true, retainContextWhenHidden: false, enableFindWidget: true },
    );
    this.adopt(panel, task);
  }

  /**
   * Closes the task's tab of an earlier session, which the editor restores only when it is shown. @returns its column
   */
  #closeSleeping(title: string): vscode.ViewColumn | undefined {
    if ([...this.#panels.values()].some(panel => panel.title === title)) return undefined;
    const tabs = vscode.window.tabGroups.all.flatMap(group => group.tabs);
    const sleeping = tabs.find(
      ({ label, input }) =>
        label === title &&
        input instanceof vscode.TabInputWebview &&
        input.viewType.endsWith(JOIN_PANEL_TYPE),
    );
    if (sleeping !== undefined) void vscode.window.tabGroups.close(sleeping);
    return sleeping?.group.viewColumn;
  }

  /** Takes over a panel that the editor restored. */
  adopt(panel: vscode.WebviewPanel, task: { readonly thread: string; readonly alias: string }): void {
    this.#panels.get(task.thread)?.dispose();
    const opened = new JoinPanel(panel, task, this.#host, () => {
      if (this.#panels.get(task.thread) === opened) this.#panels.delete(task.thread);
    });
    this.#panels.set(task.thread, opened);
  }

  dispose(): void {
    for (const panel of [...this.#panels.values()]) panel.dispose();
    this.#panels.clear();
  }
}
