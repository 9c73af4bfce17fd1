import * as vscode from 'vscode';
import { savedThreadOf } from '../../webview/protocol.ts';
import { asCommand } from '../command-registry.ts';
import { offer } from '../messages.ts';
import { JOIN_PANEL_TYPE, type JoinPanels } from './join-panels.ts';

/** Restores the panels that were open when the window was closed or reloaded. */
export function registerSerializer(panels: JoinPanels): vscode.Disposable {
  return vscode.window.registerWebviewPanelSerializer(JOIN_PANEL_TYPE, {
    deserializeWebviewPanel: (panel, state) => {
      const thread = savedThreadOf(state);
      if (thread !== null) panels.adopt(panel, { thread, alias: panel.title });
      else {
        // A view that was never sent its task cannot be restored.
        void sayLost(panel.title);
        panel.dispose();
      }
      return Promise.resolve();
    },
  });
}

async function sayLost(title: string): Promise<void> {
  const text = vscode.l10n.t(
    'The panel {0} could not be restored: it is not known which task it showed.',
    title,
  );
  await offer('warning', text, asCommand('fleet.openReport', vscode.l10n.t('Open Join & Speedup')));
}
