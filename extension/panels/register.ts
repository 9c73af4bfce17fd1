import type * as vscode from 'vscode';
import { DisposableStore } from '../disposable.ts';
import type { PanelHost } from './join-panel.ts';
import { JoinPanels } from './join-panels.ts';
import { registerSerializer } from './serializer.ts';

/** Registers the panels of this window, including restored ones. */
export function registerPanels(host: PanelHost): vscode.Disposable & Pick<JoinPanels, 'open'> {
  const store = new DisposableStore();
  const panels = store.add(new JoinPanels(host));
  store.add(registerSerializer(panels));
  return { open: task => panels.open(task), dispose: () => store.dispose() };
}
