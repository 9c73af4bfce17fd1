import * as vscode from 'vscode';
import { savedThreadOf } from '../../webview/protocol.ts';
import { JOIN_PANEL_TYPE, type JoinPanels } from './join-panels.ts';

/** Brings panels back that were open when the window was closed or reloaded. */
export function registerSerializer(panels: JoinPanels): vscode.Disposable {
  return vscode.window.registerWebviewPanelSerializer(JOIN_PANEL_TYPE, {
    deserializeWebviewPanel: (panel, state) => {
      const thread = savedThreadOf(state);
      // A view that never heard which task it was about has nothing to come back to.
      if (thread === null) panel.dispose();
      else panels.adopt(panel, { thread, alias: panel.title });
      return Promise.resolve();
    },
  });
}
