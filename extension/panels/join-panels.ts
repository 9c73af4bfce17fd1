import * as vscode from 'vscode';
import { JoinPanel, type PanelHost } from './join-panel.ts';

export const JOIN_PANEL_TYPE = 'fleet.join';

/** The panels that are open: at most one for a task. */
export class JoinPanels implements vscode.Disposable {
  readonly #host: PanelHost;
  readonly #panels = new Map<string, JoinPanel>();

  constructor(host: PanelHost) {
    this.#host = host;
  }

  /** Shows the task's panel, the open one if there is one. */
  open(task: { readonly thread: string; readonly alias: string }): void {
    const open = this.#panels.get(task.thread);
    if (open !== undefined) return open.reveal();
    const panel = vscode.window.createWebviewPanel(
      JOIN_PANEL_TYPE,
      task.alias,
      vscode.ViewColumn.Active,
      // The view saves what it can't be told again, and reads the rest anew: nothing is kept while nobody looks.
      { enableScripts: true, retainContextWhenHidden: false, enableFindWidget: true },
    );
    this.adopt(panel, task);
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
